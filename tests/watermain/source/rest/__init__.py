"""Tests of `watermain/source/rest`."""
