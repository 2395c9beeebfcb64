"""Tests of `watermain/source/drop`."""
