"""The code location of team prediction."""

import dagster as dg

from platform_assets.location import code_location

defs = dg.definitions(lambda: code_location("prediction"))
