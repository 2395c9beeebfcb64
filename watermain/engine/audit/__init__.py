"""District watermain/engine/audit."""
