"""Tests of `watermain/cli/listen`."""
