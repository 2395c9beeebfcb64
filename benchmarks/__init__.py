"""The platform's claims, each measured beside a peer in one run."""
