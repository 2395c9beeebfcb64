"""Tests of `watermain/engine`."""
