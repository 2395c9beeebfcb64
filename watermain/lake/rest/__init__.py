"""District watermain/lake/rest."""
