"""What the company runs on: the outside systems that its rooms capture from."""
