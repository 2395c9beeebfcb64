"""What is measured of datasets: a definition, a unit, a source for each indicator."""
