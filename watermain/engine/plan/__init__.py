"""What is stale, and what is asked for because of it."""
