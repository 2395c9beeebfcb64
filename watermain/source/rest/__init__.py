"""District watermain/source/rest."""
