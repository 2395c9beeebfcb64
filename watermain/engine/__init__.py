"""Declarations translated into Dagster assets."""
