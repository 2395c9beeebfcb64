"""Tests of `watermain/cli/platform`."""
