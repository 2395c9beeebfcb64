"""The lake's data files at rest."""
