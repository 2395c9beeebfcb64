"""Tests of `watermain/declare`."""
