"""Stock dbt as the judge of what we publish of a dbt project."""
