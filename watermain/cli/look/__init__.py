"""Commands that show what the lake holds."""
