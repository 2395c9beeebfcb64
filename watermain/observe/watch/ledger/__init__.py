"""What the lake's ledger tells watchers, in a process that ends."""
