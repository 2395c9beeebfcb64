"""What of Dagster a team brings along beside its datasets."""
