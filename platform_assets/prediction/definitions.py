"""The code location of team prediction."""

from watermain.orchestrate.location import lazy_location

defs = lazy_location("prediction")
