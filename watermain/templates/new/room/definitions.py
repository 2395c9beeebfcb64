"""The code location of team example_team."""

from watermain.orchestrate.location import lazy_location

defs = lazy_location("example_team")
