"""District watermain/source/postgres."""
