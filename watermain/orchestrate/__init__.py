"""Datasets as Dagster knows them."""
