"""The processes that the platform starts: databases, services, Dagster's instance."""
