"""Tests of `watermain/orchestrate`."""
