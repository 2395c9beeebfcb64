"""The code location of team prediction."""

from platform_assets.location import lazy_location

defs = lazy_location("prediction")
