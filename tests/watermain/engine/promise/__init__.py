"""Tests of `watermain/engine/promise`."""
