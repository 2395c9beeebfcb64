"""What a page of Dagster's UI shows of a dataset."""
