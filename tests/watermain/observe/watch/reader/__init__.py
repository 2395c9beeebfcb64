"""Tests of what readers meet."""
