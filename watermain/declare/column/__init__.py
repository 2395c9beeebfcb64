"""What a column may hold and how it may change."""
