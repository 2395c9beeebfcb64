"""Tests of the kinds of tables that are adopted."""
