"""A day on which things fail on purpose, on a platform that nobody needs."""
