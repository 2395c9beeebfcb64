"""Commands that change what the lake holds."""
