"""Tests of who is told of a broken promise."""
