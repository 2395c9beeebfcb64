"""Tests of what is written down of people who ask."""
