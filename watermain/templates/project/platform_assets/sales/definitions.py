"""The code location of team sales."""

from watermain.orchestrate.location import lazy_location

defs = lazy_location("sales")
