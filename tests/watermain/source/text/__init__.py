"""Tests of `watermain/source/text`."""
