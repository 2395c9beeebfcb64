"""Tests of `watermain/lake/shown`."""
