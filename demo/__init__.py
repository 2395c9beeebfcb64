"""The outside world of the demo: real New York flights, replayed into real systems."""
