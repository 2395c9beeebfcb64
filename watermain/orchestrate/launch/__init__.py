"""Runs with their steps are forked from one warm process."""
