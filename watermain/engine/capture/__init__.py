"""The one way in which a raw dataset grows."""
