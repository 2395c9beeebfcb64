"""The page that tells of each word what its docstring says."""

from __future__ import annotations

import enum
import inspect
import re
from collections.abc import Iterator
from typing import Any

LABEL = re.compile(r"^(Shapes|Units|Guarantees|Raises|Source): ", re.MULTILINE)
EXAMPLE = re.compile(r"^>>> .*?(?=\n\n|\Z)", re.MULTILINE | re.DOTALL)
HEADING, ROW = re.compile(r"^## +(.+)$"), re.compile(r"^\| `(\w+)` \|")
TITLE = """# Reference of the words

Every word of `watermain.declare`, as its docstring tells it. [Words](words.md) shows how they
are used together, in the same order.
"""


def reference(guide: str, module: Any) -> str:
    """Write the page: the words of a module in the order in which the guide lists them."""
    page = [TITLE]
    for heading, words in _chapters(guide):
        page += [f"## {heading}\n", *(_entry(getattr(module, word), word) for word in words)]
    return "\n".join(page)


def _chapters(guide: str) -> Iterator[tuple[str, list[str]]]:
    heading, words = "", list[str]()
    for line in [*guide.splitlines(), "## end"]:
        if found := HEADING.match(line):
            if words:
                yield heading, words
            heading, words = found.group(1), []
        elif found := ROW.match(line):
            words.append(found.group(1))


def _entry(word: Any, name: str) -> str:
    kind = "class" if isinstance(word, type) else "function"
    said = inspect.getdoc(word) or ""
    if isinstance(word, type) and issubclass(word, enum.Enum):
        said += "\n\nOne of " + ", ".join(f"`{name}.{one.name}`" for one in word) + "."
        call = name
    else:
        call = name + _signature(word)
    fence = "`" * 5  # longer than that of an example within
    return f"{fence}{{py:{kind}}} {call}\n:module: watermain.declare\n\n{_prose(said)}\n{fence}\n"


def _signature(word: Any) -> str:
    signature = inspect.signature(word)
    empty, returns = signature.empty, signature.return_annotation
    shown = [
        each.replace(
            annotation=_Shown(str(each.annotation)),
            default=empty if each.default is empty else _Shown(_value(each.default)),
        )
        for each in signature.parameters.values()
    ]
    returned = empty if isinstance(word, type) else _Shown(str(returns))
    return str(signature.replace(parameters=shown, return_annotation=returned))


class _Shown:
    """Stands in a signature for what its source says."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


def _value(default: Any) -> str:
    """A default as somebody would write it."""
    if isinstance(default, enum.Enum):
        return f"{type(default).__name__}.{default.name}"
    text = repr(default)
    return "..." if text.startswith("<") else text.removeprefix("datetime.")


def _prose(said: str) -> str:
    """Turn a docstring into Markdown: what its labels begin are paragraphs, examples are code."""
    said = EXAMPLE.sub(lambda found: f"```python\n{found.group()}\n```", said)
    return LABEL.sub(lambda found: f"\n**{found.group(1)}:** ", said)
