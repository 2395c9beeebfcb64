"""What stands beside the tables of a dbt project."""
