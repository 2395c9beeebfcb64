"""Whether promises are kept: what was due, what was judged, how fast a budget burns."""
