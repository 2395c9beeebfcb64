"""Tests of what the company watches."""
