"""Models of a dbt project as declared datasets."""
