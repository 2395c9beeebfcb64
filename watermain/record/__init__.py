"""What is written down of people who ask."""
