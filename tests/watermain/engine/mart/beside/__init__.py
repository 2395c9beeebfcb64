"""Tests of what stands beside the tables of a dbt project."""
