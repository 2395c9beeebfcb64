"""What `watermain gameday` writes before it begins: when things are due, how often each fails."""

TIMES = 1
PLAYED = ("F1", "F3", "F4", "F5", "F6", "F7", "F8", "F10")
DUE_SECONDS = (3540,)  # after the end of the hour, for each time
TODAY = (2026, 11, 30)
