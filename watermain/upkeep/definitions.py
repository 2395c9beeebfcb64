"""The code location of team upkeep."""

from watermain.orchestrate.location import lazy_location

defs = lazy_location("upkeep")
