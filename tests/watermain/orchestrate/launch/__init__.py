"""Tests of `watermain/orchestrate/launch`."""
