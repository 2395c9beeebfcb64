"""Tests of `watermain/online`."""
