"""Tests of `watermain/declare/promise`."""
