"""Online stores: the newest features of each entity, read in milliseconds."""
