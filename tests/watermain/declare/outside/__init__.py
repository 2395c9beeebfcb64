"""Tests of `watermain/declare/outside`."""
