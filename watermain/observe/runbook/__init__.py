"""Runbooks: pages that people read, whose commands can be run as they stand there."""
