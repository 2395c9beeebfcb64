"""Tests of what room authors test with."""
