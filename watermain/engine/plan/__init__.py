"""What is stale, from the ledger to the runs that are asked for."""
