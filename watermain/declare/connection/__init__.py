"""Words for the connections through which a company reaches the outside systems."""
