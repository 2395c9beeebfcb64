"""The promises that were released."""
