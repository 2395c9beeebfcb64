"""What Dagster's instance is made of, beside its launcher."""
