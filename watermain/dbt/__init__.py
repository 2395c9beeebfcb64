"""The dbt project, compiled."""
