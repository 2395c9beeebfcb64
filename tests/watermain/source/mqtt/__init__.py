"""Tests of `watermain/source/mqtt`."""
