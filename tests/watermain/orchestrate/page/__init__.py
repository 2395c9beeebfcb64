"""Tests of what pages of the UI show."""
