"""Checks over staged rows."""
