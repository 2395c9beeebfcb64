"""Tests of `watermain/engine/mart`."""
