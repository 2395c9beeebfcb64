"""Tests of `watermain/engine/audit`."""
