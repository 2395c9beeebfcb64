"""Tests of `watermain/source`."""
