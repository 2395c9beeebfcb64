"""Tests of `watermain/engine/mart/state`."""
