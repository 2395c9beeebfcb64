"""Tests of `watermain/cli/promise`."""
