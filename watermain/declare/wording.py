"""Values of a declaration in the words of a person."""

from __future__ import annotations

from datetime import timedelta

_LENGTHS = ((86_400, "day"), (3600, "h"), (60, "min"), (1, "s"))


def sentence(text: str) -> str:
    """A text that begins with a capital and ends with a full stop; nothing stays nothing."""
    said = text.strip()
    if not said:
        return ""
    return said[0].upper() + said[1:] + ("" if said[-1] in ".!?" else ".")


def lasting(length: timedelta) -> str:
    """A length of time in its units, such as `1 h 30 min`, `28 days`, `0.5 s`."""
    left = abs(length.total_seconds())
    if left < 1:
        return f"{left:g} s"
    said = []
    for seconds, unit in _LENGTHS:
        count, left = divmod(left, seconds)
        if count:
            said.append(f"{int(count)} {unit}{'s' if unit == 'day' and count > 1 else ''}")
    return " ".join(said[:2])


def share(part: float) -> str:
    """A share of one as a percentage without idle digits, such as `99.5%`."""
    return f"{part * 100:.6g}%"


def size(count: float) -> str:
    """A number of bytes, such as `12.3 kB`."""
    if count < 1000:
        return f"{count:.0f} bytes"
    for unit in ("kB", "MB", "GB"):
        count /= 1000
        if count < 999.95:
            return f"{count:.1f} {unit}"
    return f"{count / 1000:.1f} TB"
