"""Tests of `watermain/upkeep`."""
