"""Words for the outside systems."""
