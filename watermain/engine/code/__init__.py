"""What of its code decides a dataset's rows."""
