"""What `watermain gameday` writes: whose contracts leave out a column, or know one more."""

TIMES = 1
PLAYED = ("F2", "F9")
BROKEN = ()
KNOWN = ()
