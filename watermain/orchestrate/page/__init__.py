"""What a page of Dagster's UI shows beside facts of a run."""
