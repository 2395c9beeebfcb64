"""Nodes of a dbt project whose rows are no single SELECT over their inputs."""
