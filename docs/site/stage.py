"""Lays the pages of the repository out as the generator of the site wants them."""

from __future__ import annotations

import importlib
import posixpath
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from reference import reference

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<!`)(!?)\[([^\]]*)\]\(([^)\s]+)\)")
CHANGES = re.compile(r"changelog\.d/[a-z0-9-]+\.(added|changed|fixed|removed)\.md")
KEPT = ("*", "docs/**/*", "benchmarks/*.md", "changelog.d/*.md")
# The order of the guides. The generator refuses a page that has no place.
GUIDES = (
    "start",
    "install",
    "first-dataset",
    "words",
    "reference",
    "rhythms",
    "planner",
    "backfills",
    "commands",
    "settings",
    "connections",
    "adopt",
    "readers",
    "contracts",
    "marts",
    "dbt",
    "dbt-differs",
    "dagster",
    "features",
    "serving",
    "integrity",
    "testing",
    "metrics",
    "promises",
    "indicators",
    "alerts",
    "prometheus",
    "console",
    "traces",
    "gameday",
    "demo",
    "glossary",
)
CONTENTS = {
    "Guides": [f"guides/{name}" for name in GUIDES],
    "In operation": ["runbooks/index", "faults", "gameday", "benchmarks/index"],
    "The project": ["architecture", "decisions/index", "contributing", "changelog"],
}
DECISIONS = """# Decisions

Why things are as they are: each record says what was known, what was decided, and what follows.
"""


def place(path: str) -> str | None:
    """Say where a page of the repository stands in the site, if it has a place there."""
    if path in ("CONTRIBUTING.md", "CHANGELOG.md"):
        return path.lower()
    if not path.endswith(".md") or not path.startswith(("README.md", "docs/", "benchmarks/")):
        return None
    return re.sub(r"\bREADME\.md$", "index.md", path.removeprefix("docs/"))


def staged(files: Mapping[str, str]) -> dict[str, str]:
    """Make the pages of the site out of the files of the repository."""
    places = {path: where for path in files if (where := place(path))}
    pages = {where: _linked(path, files, places) for path, where in places.items()}
    pages["index.md"] += "".join(_contents(names, of) for of, names in CONTENTS.items())
    pages["runbooks/index.md"] += _contents(["*"])
    pages["decisions/index.md"] = DECISIONS + _contents(["*"], hidden=False)
    pages["changelog.md"] += "".join(_changes(files))
    # The generator draws no diagrams: it shows their text.
    pages = {where: text.replace("```mermaid", "```text") for where, text in pages.items()}
    pages["guides/reference.md"] = reference(
        files["docs/guides/words.md"], importlib.import_module("watermain.declare")
    )
    return pages


def _linked(path: str, files: Mapping[str, str], places: Mapping[str, str]) -> str:
    """Turn the links of one page into those of the site; one that leads nowhere stays as it is."""
    here = posixpath.dirname(places[path])

    def turned(found: re.Match[str]) -> str:
        mark, words, link = found.groups()
        target, _, heading = link.partition("#")
        there = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
        if not target or "://" in link:
            return found.group()
        if there in places:
            where = posixpath.relpath(places[there], here)
            return f"{mark}[{words}]({where}{'#' + heading if heading else ''})"
        if there == "docs/decisions":
            return f"[{words}]({posixpath.relpath('decisions/index.md', here)})"
        if there.startswith("docs/images/"):
            return f"{mark}[{words}]({posixpath.relpath(there.removeprefix('docs/'), here)})"
        return f"{words} (`{there}`)" if there in files else found.group()

    parts, at = [], 0
    for code in FENCE.finditer(files[path]):
        parts.append(LINK.sub(turned, files[path][at : code.start()]))
        parts.append(re.sub(r"\n+( *```)$", r"\n\1", code.group()))
        at = code.end()
    return "".join([*parts, LINK.sub(turned, files[path][at:])])


def _contents(names: list[str], caption: str = "", *, hidden: bool = True) -> str:
    options = [f":caption: {caption}"] if caption else []
    options += [":hidden:"] if hidden else []
    options += [":glob:"] if "*" in names else []
    return "\n".join(["", "```{toctree}", ":maxdepth: 1", *options, "", *names, "```", ""])


def _changes(files: Mapping[str, str]) -> Iterator[str]:
    """List what the next release brings, kind by kind."""
    kinds: dict[str, list[str]] = {}
    for path in sorted(files):
        if found := CHANGES.fullmatch(path):
            kinds.setdefault(found.group(1), []).append(files[path].strip())
    if kinds:
        yield "\n## Since the last release\n"
    for kind, changes in kinds.items():
        yield "\n".join([f"\n### {kind.capitalize()}", "", *(f"- {c}" for c in changes), ""])


def main(folder: Path) -> None:
    """Write the pages into a folder; what stands there unchanged is left alone, for speed."""
    listed = [path for pattern in KEPT for path in ROOT.glob(pattern) if path.is_file()]
    files = {path.relative_to(ROOT).as_posix(): path for path in listed}
    texts = {name: p.read_text() if name.endswith(".md") else "" for name, p in files.items()}
    made = {name: text.encode() for name, text in staged(texts).items()}
    made |= {
        name.removeprefix("docs/"): path.read_bytes()
        for name, path in files.items()
        if name.startswith("docs/images/")
    }
    for old in [p for p in folder.glob("**/*") if p.is_file()]:
        if old.relative_to(folder).as_posix() not in made:
            old.unlink()
    for name, content in made.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_bytes() != content:
            path.write_bytes(content)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
