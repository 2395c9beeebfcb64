"""What every kind of source promises, proved on each of them."""

from watermain.testing.source_behaviour import *  # noqa: F403  (the tests, their fixtures)
