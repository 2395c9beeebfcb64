"""Tests of `watermain/source/webhook`."""
