"""Tests of `watermain/engine/promise/indicator`."""
