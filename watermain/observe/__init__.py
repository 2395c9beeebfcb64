"""Who is told of what the platform promises: judged in rounds, by one process."""
