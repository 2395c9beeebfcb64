"""Tests of `watermain/engine/exchange`."""
