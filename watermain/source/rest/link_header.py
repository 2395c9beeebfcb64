"""The Link header of an answer, read by RFC 8288."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

_LINK = re.compile(r"[\s,]*<([^>]*)>")
_PARAMETER = re.compile(r"""\s*;\s*([^\s=;,"]*)\s*(?:=\s*("(?:[^"\\]|\\.)*"|[^\s;,"]*))?""")
_REST = re.compile(r"\s*(?:,|$)")
_ESCAPED = re.compile(r"\\(.)")


def following(headers: Iterable[str]) -> str | None:
    """The target of the link whose relation is `next`, among several, in any case of letters.

    Guarantees: a relation holds any number of types; of a parameter said twice the first counts;
    and a link about another place (`anchor`) is left out.
    Raises: ValueError, when a header is no list of links or when two of them lead elsewhere.
    Source: RFC 8288, section 3 and appendix B.2.
    """
    found = {
        target
        for header in headers
        for target, said in _links(header)
        if "next" in said.get("rel", "").lower().split() and "anchor" not in said
    }
    if len(found) > 1:
        raise ValueError("its Link header names two next pages")
    return found.pop() if found else None


def _links(header: str) -> Iterator[tuple[str, Mapping[str, str]]]:
    at = 0
    while header[at:].strip(" \t,"):
        link = _LINK.match(header, at)
        if link is None:
            raise ValueError("its Link header is no list of links")
        at = link.end()
        said: dict[str, str] = {}
        while parameter := _PARAMETER.match(header, at):
            name, value = parameter.group(1).lower(), parameter.group(2) or ""
            quoted = value.startswith('"')
            said.setdefault(name, _ESCAPED.sub(r"\1", value[1:-1]) if quoted else value)
            at = parameter.end()
        if not _REST.match(header, at):
            raise ValueError("its Link header is no list of links")
        yield link.group(1).strip(), said
