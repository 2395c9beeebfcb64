"""District watermain/process."""
