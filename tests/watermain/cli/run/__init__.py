"""Tests of `watermain/cli/run`."""
