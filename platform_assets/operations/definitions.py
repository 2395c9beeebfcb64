"""The code location of team operations."""

from platform_assets.location import code_location

defs = code_location("operations")
