"""Tests of `watermain/orchestrate/sensors`."""
