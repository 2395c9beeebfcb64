"""The code location of team weather."""

from watermain.orchestrate.location import lazy_location

defs = lazy_location("weather")
