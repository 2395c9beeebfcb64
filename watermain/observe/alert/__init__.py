"""From signals to people: one alert for each cause."""
