"""Tests that need packages of Debian."""
