"""Tests of `watermain/engine/capture`."""
