"""Runs and steps forked from one warm process."""
