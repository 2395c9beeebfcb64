"""The code location of team weather."""

from platform_assets.location import lazy_location

defs = lazy_location("weather")
