"""The world outside, one noun for each file."""
