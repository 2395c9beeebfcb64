"""Tests of `watermain/lake/rest`."""
