"""Tests of `watermain/engine/code`."""
