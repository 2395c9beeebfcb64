"""Tests of `watermain/orchestrate/instance`."""
