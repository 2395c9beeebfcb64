"""What goes wrong that no verdict tells of, a file for each way in which it does."""
