"""Hypothesis strategies: of declarations, of the rows that they promise."""
