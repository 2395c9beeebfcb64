"""District watermain/source/files."""
