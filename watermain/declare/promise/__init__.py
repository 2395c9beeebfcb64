"""Words of a promise: which partitions are expected, when each is due, how many may be late."""
