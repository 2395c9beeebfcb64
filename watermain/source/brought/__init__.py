"""Sources that a team's own code brings."""
