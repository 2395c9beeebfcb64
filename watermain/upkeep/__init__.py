"""The room of the platform team: data about the platform."""
