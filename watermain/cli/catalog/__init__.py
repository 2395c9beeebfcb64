"""Commands that tell what is declared."""
