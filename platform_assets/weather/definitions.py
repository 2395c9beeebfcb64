"""The code location of team weather."""

from platform_assets.location import code_location

defs = code_location("weather")
