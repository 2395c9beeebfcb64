"""Tests of `watermain/engine/publish`."""
