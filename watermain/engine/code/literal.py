"""A literal as text, the same on every Python."""

from __future__ import annotations


def constant(value: object) -> str:
    """A literal and its type; the same text on every Python.

    Raises: TypeError, for anything that no literal can be.
    """
    if value is None or value is Ellipsis or isinstance(value, bool):
        return str(value)
    if isinstance(value, str):
        return ascii(value)  # which characters are shown as they are differs between Pythons
    if isinstance(value, int):
        return hex(value)  # digits of decimals are limited in number
    if isinstance(value, float):
        return f"float {value!r}"
    if isinstance(value, complex):
        return f"complex {value.real!r} {value.imag!r}"
    if isinstance(value, bytes):
        return repr(value)
    raise TypeError(f"{type(value).__name__} is no literal")
