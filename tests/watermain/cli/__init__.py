"""Tests of `watermain/cli`."""
