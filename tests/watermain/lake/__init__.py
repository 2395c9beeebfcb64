"""Tests of `watermain/lake`."""
