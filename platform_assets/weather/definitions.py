"""The code location of team weather."""

import dagster as dg

from platform_assets.location import code_location

defs = dg.definitions(lambda: code_location("weather"))
