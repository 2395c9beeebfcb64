"""Feature tables: point-in-time training sets, online rows."""
