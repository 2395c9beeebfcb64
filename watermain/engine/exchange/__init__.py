"""Contracts in the words of other tools."""
