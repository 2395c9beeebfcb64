"""Tests of `watermain/declare/column`."""
