"""Tests of `watermain/observe`."""
