"""Python's regular expressions in the engine's dialect."""

from __future__ import annotations

from watermain.declare.column.pattern import pattern_fault
from watermain.engine.exchange.rule_words import whole

_CLASSES = {"d": r"\p{Nd}", "D": r"\P{Nd}", "w": r"\p{L}\p{N}_", "s": r"\s\x0b\x1c-\x1f\x85\p{Z}"}
_LOOKS = ("(?=", "(?!", "(?<=", "(?<!")


def searched(pattern: object) -> str:
    """The pattern that matches a whole value in which Python finds the given one.

    Raises: ValueError, naming what RE2 cannot say.
    """
    return whole(translated(pattern), end=r"\n?")


def begun(pattern: object) -> str:
    """The pattern that matches a whole value at whose beginning Python finds the given one.

    Raises: ValueError.
    """
    return f"(?:{contained(pattern)})(?s:.*)"


def contained(pattern: object) -> str:
    """The pattern that is found in a value wherever Python finds the given one.

    Raises: ValueError.
    """
    inner = translated(pattern)
    return inner[:-1] + r"(?:\n?\z)" if _ends(inner) else inner


def translated(pattern: object) -> str:
    """A pattern of Python, or a compiled one, in RE2's words; a `$` is kept at its very end alone.

    Raises: ValueError, for what RE2 cannot say.
    """
    text = getattr(pattern, "pattern", pattern)
    if not isinstance(text, str):
        raise ValueError(f"the pattern {text!r} is no text")
    if getattr(pattern, "flags", 32) & ~32:
        raise ValueError(f"the pattern `{text}` was compiled with flags")
    found, place, inside = [], 0, False
    while place < len(text):
        taken, said = _next(text, place, inside)
        if not inside and text[place] == "[":
            inside = True
        elif inside and text[place] == "]" and not _is_first(text, place):
            inside = False
        found.append(said)
        place += taken
    told = "".join(found)
    fault = pattern_fault(told)
    if fault:
        raise ValueError(f"the pattern `{text}` cannot be said in RE2: {fault}")
    return told


def _next(text: str, place: int, inside: bool) -> tuple[int, str]:
    """How many signs stand for one thing, and RE2's word for it."""
    sign = text[place]
    if sign == "\\" and place + 1 < len(text):
        return _escaped(text, place, inside)
    if not inside and sign == "$" and place + 1 < len(text):
        return 1, r"(?:\n?\z)"
    if not inside and sign == "(":
        for look in _LOOKS:
            if text.startswith(look, place):
                raise ValueError(f"the pattern `{text}` looks around itself by `{look}`")
        if text.startswith("(?P=", place) or text.startswith("(?(", place):
            raise ValueError(f"the pattern `{text}` refers back to a group")
        if text.startswith("(?", place) and text[place + 2 : place + 3] not in ("P", ":"):
            raise ValueError(f"the pattern `{text}` sets flags of its own")
    return 1, sign


def _escaped(text: str, place: int, inside: bool) -> tuple[int, str]:
    letter = text[place + 1]
    if letter in _CLASSES:
        told = _CLASSES[letter]
        return 2, told if inside or letter in "dD" else f"[{told}]"
    if letter in "WS" and not inside:
        return 2, f"[^{_CLASSES[letter.lower()]}]"
    if letter == "Z" and not inside:
        return 2, r"\z"
    if letter in "bBWS":
        raise ValueError(f"the pattern `{text}` asks by `\\{letter}` what RE2 knows of ASCII alone")
    if letter in "123456789" and not inside:
        raise ValueError(f"the pattern `{text}` refers back to a group")
    if letter in "uU":
        digits = 4 if letter == "u" else 8
        return 2 + digits, rf"\x{{{text[place + 2 : place + 2 + digits]}}}"
    return 2, text[place : place + 2]


def _is_first(text: str, place: int) -> bool:
    """Whether a closing bracket is the first sign of its class, which it does not close."""
    return text[place - 1] == "[" or text[place - 2 : place] == "[^"


def _ends(pattern: str) -> bool:
    return pattern.endswith("$") and not pattern.endswith(r"\$")
