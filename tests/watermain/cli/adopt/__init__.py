"""Tests of the command that adopts."""
