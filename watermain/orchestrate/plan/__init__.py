"""The planner in Dagster's words."""
