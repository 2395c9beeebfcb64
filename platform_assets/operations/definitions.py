"""The code location of team operations."""

from platform_assets.location import lazy_location

defs = lazy_location("operations")
