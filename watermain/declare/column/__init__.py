"""What a column may hold, in which types."""
