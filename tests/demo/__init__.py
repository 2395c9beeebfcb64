"""Tests of the demo, the outside world."""
