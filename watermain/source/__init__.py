"""Readers of the outside systems that raw datasets are captured from."""
