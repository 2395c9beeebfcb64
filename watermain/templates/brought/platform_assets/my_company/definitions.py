"""The code location of team my_company."""

from watermain.orchestrate.location import lazy_location

defs = lazy_location("my_company")
