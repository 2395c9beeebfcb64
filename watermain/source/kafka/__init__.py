"""District watermain/source/kafka."""
