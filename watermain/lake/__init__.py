"""The lake: its tables, its ledger, its leases."""
