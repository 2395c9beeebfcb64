"""The files of new rooms with their datasets, made from real ones."""

from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import yaml

from watermain.cli import screen
from watermain.declare.contract import Column
from watermain.declare.dataset import Dataset
from watermain.declare.name import DatasetName
from watermain.settings import project

FILES = Path(__file__).resolve().parents[1] / "templates" / "new"
LATEST = {"postgres": "latest_per_key", "files": "latest_delivery", "sftp": "latest_delivery"}
_COLUMNS = (
    '            Column("example_key", pa.string(), "what names the row"),\n'
    '            Column("example_time", pa.timestamp("us", "UTC"), "when it happened"),\n'
)
_GIVEN = (
    '        {"example_key": "a", "example_time": datetime(2026, 1, 1, 9, tzinfo=UTC)},\n'
    '        {"example_key": "b", "example_time": datetime(2026, 1, 1, 10, tzinfo=UTC)},\n'
)
_BODY = 'latest_delivery(example_input, ("example_key",)).select("example_key", "example_time")'
_WORDS = "Column, Contract, Daily, dataset, latest_delivery"


@dataclass(frozen=True)
class Draft:
    """A dataset about to be declared, which is computed from one that exists."""

    name: DatasetName
    upstream: Dataset
    rooms: str

    @property
    def columns(self) -> list[Column]:
        """The upstream's key, and its event time when it is cut into partitions."""
        contract = self.upstream.contract
        event = [contract.event_time] if self.upstream.cadence and contract.event_time else []
        return [contract.column(n) for n in dict.fromkeys([*contract.key, *event])]

    def declaration(self) -> str:
        """A shelf's file that declares the dataset alone."""
        contract, cadence = self.upstream.contract, self.upstream.cadence
        kind = self.upstream.source.kind if self.upstream.source else ""
        latest, word = LATEST.get(kind), type(cadence).__name__
        keys = "".join(f"{key!r}, " for key in contract.key)
        names = ", ".join(repr(c.name) for c in self.columns)
        rows = f"{latest}(example_input, ({keys}))" if latest else "example_input"
        words = ["Column", "Contract", "dataset", *([word] if cadence else []), latest or ""]
        zone = f"zone={cadence.zone!r}" if cadence and cadence.zone != "UTC" else ""
        event = f"        event_time={contract.event_time!r},\n" if cadence else ""
        return self._named(
            (FILES / "curated.py").read_text(encoding="utf-8"),
            {
                _COLUMNS: "".join(f"            {_column(c)},\n" for c in self.columns),
                _BODY: f"{rows}.select({names})",
                _WORDS: ", ".join(w for w in words if w),
                '        event_time="example_time",\n': event,
                "    cadence=Daily(),\n": f"    cadence={word}({zone}),\n" if cadence else "",
                'key=("example_key",)': f"key=({keys})",
                "one row per example_key": f"one row per {', '.join(contract.key)}",
            },
        )

    def test(self) -> str:
        """A test with a known answer."""
        rows = "".join(
            f"        {{{', '.join(f'{c.name!r}: {_value(c.type, n)}' for c in self.columns)}}},\n"
            for n in (0, 1)
        )
        imports = "from datetime import UTC, date, datetime\nfrom decimal import Decimal"
        return self._named(
            (FILES / "tests" / "curated.py").read_text(encoding="utf-8"),
            {_GIVEN: rows, "from datetime import UTC, datetime": imports},
        )

    def _named(self, text: str, parts: Mapping[str, str]) -> str:
        for old, new in parts.items():
            text = text.replace(old, new)
        text = text.replace("other_team.raw.example_input", str(self.upstream.name))
        text = text.replace("example_input", self.upstream.name.table)
        return named(text, self.name, self.rooms)


def named(text: str, name: DatasetName, rooms: str) -> str:
    """A template's text with the names of a dataset and of the package of the rooms."""
    text = text.replace("example_team", name.team).replace("example_table", name.table)
    return text.replace("from platform_assets.", f"from {rooms}.")


def joined(before: str, addition: str) -> str:
    """A module into which is put what another one imports and declares."""
    if not before.strip():
        return addition
    head, _, rest = before.partition("\n")
    lines = addition.splitlines(keepends=True)
    last = max((n.end_lineno or 1 for n in _imports(addition)), default=1)
    held = {alias.asname or alias.name for each in _imports(before) for alias in each.names}
    missing = []
    for each in _imports(addition):
        each.names = [a for a in each.names if (a.asname or a.name) not in held]
        missing += [ast.unparse(each)] if each.names else []
    declared = "".join(lines[last:]).lstrip("\n")
    return "\n".join([head, *missing, rest.rstrip(), "", "", declared])


def _imports(code: str) -> list[ast.Import | ast.ImportFrom]:
    return [n for n in ast.parse(code).body if isinstance(n, ast.Import | ast.ImportFrom)]


def with_location(workspace: str, module: str, name: str) -> str:
    """A workspace file with one code location more."""
    known = yaml.safe_load(workspace) or {}
    entry = f"  - python_module:\n      module_name: {module}\n      location_name: {name}\n"
    begun = workspace.rstrip("\n") + "\n"
    return begun + entry if known.get("load_from") else f"{begun}load_from:\n{entry}"


def arrow(kind: pa.DataType) -> str:
    """An Arrow type as Python writes it."""
    if pa.types.is_timestamp(kind):
        zone = f", {kind.tz!r}" if kind.tz else ""
        return f"pa.timestamp({kind.unit!r}{zone})"
    if pa.types.is_decimal(kind):
        return f"pa.decimal128({kind.precision}, {kind.scale})"
    names = {"double": "float64", "float": "float32", "bool": "bool_", "date32[day]": "date32"}
    return f"pa.{names.get(str(kind), str(kind))}()"


def _column(column: Column) -> str:
    unit = f", unit={column.unit!r}" if column.unit else ""
    return f"Column({column.name!r}, {arrow(column.type)}, {column.description!r}{unit})"


def _value(kind: pa.DataType, number: int) -> str:
    """A value of a type, as Python writes it."""
    if pa.types.is_string(kind):
        return f'"{"ab"[number]}"'
    if pa.types.is_timestamp(kind):
        zone = ", tzinfo=UTC" if kind.tz else ""
        return f"datetime(2026, 1, 1, {9 + number}{zone})"
    if pa.types.is_date(kind):
        return f"date(2026, 1, {1 + number})"
    if pa.types.is_decimal(kind):
        return f'Decimal("{1 + number}").scaleb(-{kind.scale})'
    return str(bool(number)) if pa.types.is_boolean(kind) else str(1 + number)


def join(path: Path, addition: str, name: DatasetName | None = None) -> Path:
    """Put what a template imports and declares into a file."""
    text = addition if name is None else named(addition, name, project().rooms)
    return write(path, joined(path.read_text() if path.exists() else "", text))


def test_path(name: DatasetName) -> Path:
    """Where the test of a dataset lies."""
    return project().root / "tests" / "rooms" / name.team / f"test_{name.stage}_{name.table}.py"


def changed(name: str, text: str) -> list[Path]:
    """A fragment for the changelog where the project keeps some."""
    folder = project().root / "changelog.d"
    plain = name.replace(".", "-").replace("_", "-")
    return [write(folder / f"{plain}.added.md", f"{text}\n")] if folder.is_dir() else []


def finish(written: list[Path]) -> None:
    """Put imports into order, format the files, and say what was written."""
    root = project().root
    python = [str(p) for p in written if p.suffix == ".py"]
    if python and importlib.util.find_spec("ruff"):
        for words in (("check", "--quiet", "--fix", "--select", "I,F401,F811"), ("format", "-q")):
            subprocess.run([sys.executable, "-m", "ruff", *words, *python], cwd=root, check=True)
    for path in dict.fromkeys(written):
        screen.OUT.print(f"  wrote  {path.relative_to(root)}", highlight=False)
    screen.OUT.print("  next   make check", highlight=False)


def template(*place: str) -> str:
    """The text of a real file that is written into projects."""
    return FILES.joinpath(*place).read_text(encoding="utf-8")


def write(path: Path, text: str) -> Path:
    """Write a file, and make its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path
