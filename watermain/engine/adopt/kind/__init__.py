"""The kinds of tables that are adopted, each read as it stands."""
