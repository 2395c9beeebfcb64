"""The code location of team upkeep."""

from platform_assets.location import lazy_location

defs = lazy_location("upkeep")
