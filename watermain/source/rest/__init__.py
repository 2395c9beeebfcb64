"""Records of a REST endpoint."""
