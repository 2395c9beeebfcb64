"""Tests of `watermain/engine/plan`."""
