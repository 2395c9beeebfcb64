"""The pages of the documentation, as the docs tests read them."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any, NamedTuple

HEADING = re.compile(r"^#+ +(.*)$", re.MULTILINE)
LINK = re.compile(r"(?<!`)!?\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```([a-z]*)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TARGET = re.compile(r"^([a-z][a-z-]*):.*?## ", re.MULTILINE)
DECISION = re.compile(r"docs/decisions/(\d{4})-[a-z0-9-]+\.md")
FRAGMENT = re.compile(r"changelog\.d/[a-z0-9-]+\.(added|changed|fixed|removed)\.md")
SECTIONS = ("Context", "Decision", "Consequences")
PROGRAMS = (
    "cd",
    "pip",
    "python",
    ".",
    "git",
    "export",
    "sudo",
    "curl",
    "psql",
    "tests/services/install.sh",
)


class Block(NamedTuple):
    """A fenced block of a page."""

    path: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


def pages(files: Mapping[str, str]) -> dict[str, str]:
    """Pick the pages that people read."""
    return {path: text for path, text in sorted(files.items()) if path.endswith(".md")}


def blocks(files: Mapping[str, str], language: str) -> Iterator[Block]:
    """List the fenced blocks of one language."""
    for path, text in pages(files).items():
        for found in FENCE.finditer(text):
            if found.group(1) == language:
                line = text.count("\n", 0, found.start()) + 1
                yield Block(path, line, language, found.group(2))


def sections(text: str) -> dict[str, str]:
    """Split a page at its headings, code marks removed."""
    prose = FENCE.sub(lambda found: re.sub(r"^#", " ", found.group(), flags=re.MULTILINE), text)
    starts = [*HEADING.finditer(prose), None]
    return {
        here.group(1).replace("`", "").strip(): text[here.end() : next_.start() if next_ else None]
        for here, next_ in pairwise(starts)
        if here
    }


def anchor(heading: str) -> str:
    """Make the anchor that a heading gets."""
    return re.sub(r"[^a-z0-9_ -]", "", heading.lower()).replace(" ", "-")


def broken_links(files: Mapping[str, str]) -> list[str]:
    """List links to files or headings that are not there."""
    found = []
    for path, text in pages(files).items():
        for link in LINK.findall(FENCE.sub("", text)):
            if "://" in link or link.startswith("mailto:"):
                continue
            target, _, heading = link.partition("#")
            there = _resolved(path, target) if target else path
            folder = any(name.startswith(there.rstrip("/") + "/") for name in files)
            if there not in files and not folder:
                found.append(f"{path}: {link} leads nowhere")
            elif heading and heading not in map(anchor, sections(files[there])):
                found.append(f"{path}: {link} has no such heading")
    return found


def _resolved(path: str, target: str) -> str:
    parts = path.split("/")[:-1]
    for part in target.split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part != ".":
            parts.append(part)
    return "/".join(parts)


def broken_python(files: Mapping[str, str]) -> list[str]:
    """List Python blocks that are no Python."""
    found = []
    for block in blocks(files, "python"):
        if ">>>" in block.text:
            continue
        try:
            ast.parse(block.text)
        except SyntaxError as error:
            found.append(f"{block}: {error.msg}")
    return found


def odd_decisions(files: Mapping[str, str]) -> list[str]:
    """List decision records without a number of their own or one of the three sections."""
    found, numbers = [], set[str]()
    for path in pages(files):
        if not path.startswith("docs/decisions/"):
            continue
        named = DECISION.fullmatch(path)
        if not named or named.group(1) in numbers:
            found.append(f"{path}: a record is named by a number of its own, then its subject")
            continue
        numbers.add(named.group(1))
        missing = [name for name in SECTIONS if name not in sections(files[path])]
        found += [f"{path}: no section {name}" for name in missing]
    return found


def odd_fragments(files: Mapping[str, str]) -> list[str]:
    """List changelog fragments that no release would find, or that say nothing."""
    return [
        f"{path}: a fragment is <subject>.<added|changed|fixed|removed>.md with one sentence"
        for path, text in pages(files).items()
        if path.startswith("changelog.d/") and path != "changelog.d/README.md"
        if not FRAGMENT.fullmatch(path) or not text.strip().endswith(".")
    ]


def make_targets(files: Mapping[str, str]) -> set[str]:
    """List the targets that `make help` shows."""
    return set(TARGET.findall(files["Makefile"]))


def commands(program: Any, path: str = "watermain") -> dict[str, Any]:
    """List every visible command by the words that call it; a group may be one itself."""
    inner = getattr(program, "commands", None)
    if inner is None:
        return {path: program}
    is_one = getattr(program, "invoke_without_command", False)
    found: dict[str, Any] = {path: program} if is_one else {}
    for name, command in sorted(inner.items()):
        if not command.hidden:
            found |= commands(command, f"{path} {name}")
    return found


def parameters(command: Any) -> list[str]:
    """List how the visible parameters of a command are written."""
    written = []
    for parameter in command.params:
        if parameter.param_type_name == "option":
            long = [name for name in parameter.opts if name.startswith("--")]
            written += [] if parameter.hidden else long[:1]
        else:
            written.append(parameter.name.upper())
    return [name for name in written if name != "--help"]


def undocumented_commands(text: str, program: Any) -> list[str]:
    """List what the page of commands leaves out or makes up."""
    known, told = commands(program), sections(text)
    found = [f"`{name}` has no section" for name in known if name not in told]
    for name, section in told.items():
        if name in known:
            missing = [p for p in parameters(known[name]) if p not in section]
            found += [f"`{name}` does not tell of {parameter}" for parameter in missing]
        elif name.startswith("watermain"):
            found.append(f"`{name}` is no command")
    return found


def untrue_shell_lines(files: Mapping[str, str], program: Any) -> list[str]:
    """List lines of shell blocks that call what does not exist."""
    found = []
    for block in blocks(files, "sh"):
        for line in block.text.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            wrong = _wrong(words, files, program) if words else None
            if wrong:
                found.append(f"{block}: `{line.strip()}`: {wrong}")
    return found


def _wrong(words: list[str], files: Mapping[str, str], program: Any) -> str | None:
    name, *rest = words
    if name == "make":
        targets = [word for word in rest if "=" not in word]
        missing = [target for target in targets if target not in make_targets(files)]
        return f"no target {missing[0]}" if missing else None
    if name.rpartition("/")[2] == "watermain":
        return _wrong_call(rest, program)
    if name == ".venv/bin/python":
        module = rest[1].replace(".", "/") if rest[:1] == ["-m"] and len(rest) > 1 else ""
        known = f"{module}.py" in files or f"{module}/__main__.py" in files
        return None if known else f"no module {module.replace('/', '.')}"
    return None if name in PROGRAMS else f"{name} is no command of ours"


def _wrong_call(words: list[str], program: Any) -> str | None:
    command, rest = program, list(words)
    while inner := getattr(command, "commands", None):
        if not rest or rest[0].startswith("-"):
            break
        if rest[0] not in inner:
            return f"no command {rest[0]}"
        command = inner[rest.pop(0)]
    known = {name for p in command.params for name in (*p.opts, *p.secondary_opts)} | {"--help"}
    given = [word.partition("=")[0] for word in rest if word.startswith("--")]
    unknown = [name for name in given if name not in known]
    return f"no option {unknown[0]}" if unknown else None
