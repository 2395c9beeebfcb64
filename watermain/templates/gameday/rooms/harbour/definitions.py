"""The code location of team harbour."""

from watermain.orchestrate.location import lazy_location

defs = lazy_location("harbour")
