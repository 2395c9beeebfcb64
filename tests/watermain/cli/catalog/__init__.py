"""Tests of `watermain/cli/look`."""
