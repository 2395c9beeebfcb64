"""What is wrong with a dbt project, told at the file that is wrong."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

MOST = 600
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_LINE = re.compile(r"\bline (\d+)\b")
_ADVICE = re.compile(r"\s*This can happen when calling a macro that does not exist\..*", re.DOTALL)
ENTRIES = (
    *("models", "sources", "seeds", "snapshots", "macros", "data_tests", "tests", "unit_tests"),
    *("exposures", "groups", "metrics", "saved_queries", "semantic_models"),
)


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One thing that is wrong: where it stands, what it is and what to do.

    Shapes: `node` is dbt's id of the model or test, if there is one; `entry` names one entry of a
    YAML file, where the others of that file are right.
    """

    path: str
    what: str
    next: str
    line: int = 1
    node: str = ""
    entry: str = ""

    def facts(self) -> dict[str, Any]:
        """The fault as plain values."""
        return asdict(self)


def faults_of(manifest: Mapping[str, Any]) -> list[Fault]:
    """The faults that were found while a manifest was compiled."""
    return [Fault(**facts) for facts in manifest.get("watermain", {}).get("faults", [])]


def said(error: BaseException | str) -> str:
    """What dbt said, on one line, without its name for the kind of error."""
    told = getattr(error, "msg", None) or str(error) or type(error).__name__
    plain = _ADVICE.sub("", _COLOUR.sub("", str(told)))
    lines = [re.sub(r"^\d\d:\d\d:\d\d\s+", "", line.strip()) for line in plain.splitlines()]
    return " ".join(line for line in lines if line)[:MOST]


def line_of(error: BaseException | str, text: str = "", word: str = "") -> int:
    """The line that an error speaks of: the one it names, or else the first with the word."""
    if word:
        for number, line in enumerate(text.splitlines(), start=1):
            if re.search(rf"\b{re.escape(word)}\b", line):
                return number
    named = _LINE.search(str(error))
    return int(named.group(1)) if named else 1


def places(error: BaseException, files: Iterable[str]) -> list[str]:
    """The files of the project that an error speaks of."""
    known = set(files)
    named = [getattr(error, "path", None), *(n.original_file_path for n in nodes_of(error))]
    found = [str(n) for n in named if n is not None and str(n) in known]
    text = str(error)
    return found or sorted(f for f in known if re.search(rf"(?<![\w/]){re.escape(f)}(?!\w)", text))


def nodes_of(error: BaseException) -> list[Any]:
    """What dbt was at when an error was raised, the outermost first."""
    told = [getattr(error, "node", None), *reversed(getattr(error, "stack", []))]
    return [n for n in told if hasattr(n, "original_file_path")]


def entries(error: BaseException, content: Mapping[str, Any]) -> list[str]:
    """The entries of a YAML file that an error speaks of, as `section.name`."""
    given = getattr(error, "yaml_data", None)
    own = given.get("name") if isinstance(given, dict) else None
    attached = [getattr(n, "attached_node", None) for n in nodes_of(error)]
    models = {a.split(".")[2] for a in attached if a}
    listed = [
        (section, str(entry["name"]))
        for section in ENTRIES
        for entry in content.get(section) or []
        if isinstance(entry, dict) and "name" in entry
    ]
    by_name = [f"{s}.{n}" for s, n in listed if n == own or n in models]
    if by_name:
        return by_name
    text = str(error)
    return [f"{s}.{n}" for s, n in listed if re.search(rf"(?<!\w){re.escape(n)}(?!\w)", text)]
