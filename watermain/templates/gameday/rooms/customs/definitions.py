"""The code location of team customs."""

from watermain.orchestrate.location import lazy_location

defs = lazy_location("customs")
