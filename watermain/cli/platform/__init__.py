"""Commands that keep the platform running."""
