"""Datasets run, without any word of Dagster."""
