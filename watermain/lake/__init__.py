"""District watermain/lake."""
