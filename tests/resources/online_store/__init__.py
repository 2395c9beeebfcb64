"""Tests of the online stores."""
