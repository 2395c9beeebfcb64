"""Tests of the feature server."""
