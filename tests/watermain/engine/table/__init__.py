"""Tests of `watermain/engine/table`."""
