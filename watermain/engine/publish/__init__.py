"""The one way in which a computed dataset changes."""
