"""Tests of the game day."""
