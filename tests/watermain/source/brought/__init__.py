"""Tests of sources that a team's own code brings."""
