"""Tests of `watermain/engine/feature`."""
