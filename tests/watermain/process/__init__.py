"""Tests of `watermain/process`."""
