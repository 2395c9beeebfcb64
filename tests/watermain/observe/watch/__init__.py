"""Tests of `watermain/observe/watch`."""
