"""What listens for the questions of others."""
