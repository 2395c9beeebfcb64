"""The code location of team upkeep."""

from platform_assets.location import code_location

defs = code_location("upkeep")
