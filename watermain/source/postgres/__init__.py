"""Changes of a PostgreSQL table."""
