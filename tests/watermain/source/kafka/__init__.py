"""Tests of `watermain/source/kafka`."""
