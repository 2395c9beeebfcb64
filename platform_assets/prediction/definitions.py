"""The code location of team prediction."""

from platform_assets.location import code_location

defs = code_location("prediction")
