"""Tests of `watermain/source/postgres`."""
