"""Tests of the teams' rooms."""
