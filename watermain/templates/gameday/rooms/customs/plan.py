"""What `watermain gameday` writes: whose contracts leave out a column."""

TIMES = 1
BROKEN = ()
