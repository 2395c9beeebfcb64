"""District watermain/dbt."""
