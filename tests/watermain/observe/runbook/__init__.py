"""Tests of runbooks that act."""
