"""Tests of the warm process with what it forks."""
