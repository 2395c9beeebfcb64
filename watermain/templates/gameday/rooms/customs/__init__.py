"""The room of team customs, which changes what it promised."""
