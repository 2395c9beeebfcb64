"""Commands that tell whether promises are kept."""
