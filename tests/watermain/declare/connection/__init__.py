"""Tests of `watermain/declare/connection`."""
