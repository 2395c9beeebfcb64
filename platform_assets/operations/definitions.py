"""The code location of team operations."""

from watermain.orchestrate.location import lazy_location

defs = lazy_location("operations", "sensors.deliveries")
