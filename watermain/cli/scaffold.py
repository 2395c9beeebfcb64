"""The text of new rooms, of new datasets in them."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import indent

import pyarrow as pa

from watermain.declare.contract import Column
from watermain.declare.dataset import Dataset
from watermain.declare.name import DatasetName

LATEST = {"postgres": "latest_per_key", "files": "latest_delivery"}
KEPT = {
    "postgres": '"_op": ["i", "i"], "_lsn": [1, 2], "_seq": [0, 0]',
    "files": '"_delivered_at": [1, 1], "_file": ["a", "a"], "_row": [1, 2]',
}
RAW = """import pyarrow as pa

from watermain.declare import Column, Contract, Files, raw"""
SHELVES = {
    "raw": "What team {team} captures from outside.",
    "curated": "What team {team} knows to be true.",
}


@dataclass(frozen=True)
class Draft:
    """A dataset about to be declared, computed from one that exists."""

    name: DatasetName
    upstream: Dataset

    @property
    def columns(self) -> list[Column]:
        """The upstream's key, with its event time when it is cut into partitions."""
        contract = self.upstream.contract
        event = [contract.event_time] if self.upstream.cadence and contract.event_time else []
        return [contract.column(n) for n in dict.fromkeys([*contract.key, *event])]

    @property
    def latest(self) -> str | None:
        """The word that turns captured changes into rows, when the upstream is captured."""
        return LATEST.get(self.upstream.source.kind) if self.upstream.source else None

    @property
    def imports(self) -> str:
        """What the declaration needs."""
        words = ["Column", "Contract", "dataset"]
        words += [type(self.upstream.cadence).__name__] if self.upstream.cadence else []
        words += [self.latest] if self.latest else []
        names = ", ".join(words)
        return "import ibis\nimport pyarrow as pa\n\n" + f"from watermain.declare import {names}"

    def declaration(self) -> str:
        """The dataset's declaration with its body."""
        up, contract, alias = self.upstream.name, self.upstream.contract, self.upstream.name.table
        grain = f"one row per {'distinct ' if self.latest else ''}{', '.join(contract.key)} of {up}"
        cadence = self.upstream.cadence
        event = f"        event_time={contract.event_time!r},\n" if cadence else ""
        zone = f"zone={cadence.zone!r}" if cadence and cadence.zone != "UTC" else ""
        rhythm = f"    cadence={type(cadence).__name__}({zone}),\n" if cadence else ""
        columns = "".join(f"            {_column(c)},\n" for c in self.columns)
        names = ", ".join(repr(c.name) for c in self.columns)
        keys = ", ".join(repr(k) for k in contract.key)
        source = f"{self.latest}({alias}, ({keys},))" if self.latest else alias
        return (
            f"@dataset(\n    {str(self.name)!r},\n    inputs={{{alias!r}: {str(up)!r}}},\n"
            f"    contract=Contract(\n        grain={grain!r},\n"
            f"        key=({keys},),\n{event}        version='0.1.0',\n"
            f"        columns=(\n{columns}        ),\n    ),\n"
            f"{rhythm}    owner='team:{self.name.team}',\n)\n"
            f"def {self.name.table}({alias}: ibis.Table) -> ibis.Table:\n"
            f'    """Keep the key of each row of {up}."""\n'
            f"    return {source}.select({names})\n"
        )

    def test(self) -> str:
        """A test with a known answer."""
        table, alias = self.name.table, self.upstream.name.table
        given = "".join(f'        "{c.name}": {_values(c.type)},\n' for c in self.columns)
        kept = KEPT.get(self.upstream.source.kind, "") if self.upstream.source else ""
        fields = "".join(f'        ("{c.name}", {arrow(c.type)}),\n' for c in self.columns)
        given += f"        {kept},\n" if kept else ""
        body = (
            f'"""Known answers of {self.name}."""\n\n'
            "import ibis\nimport pyarrow as pa\n\n"
            f"from platform_assets.{self.name.team}.{self.name.stage} import {table}\n\n\n"
            f"def test_{table}_keeps_the_key_of_each_row() -> None:\n"
            '    """Two rows in, the same two rows out, with the promised columns."""\n'
        )
        steps = (
            f"given = {{\n{given}    }}\n"
            f"    promised = pa.schema([\n{fields}    ])\n"
            "    typed = {f.name: pa.array(given[f.name], f.type) for f in promised}\n"
            f"    rows = ibis.memtable(pa.table({{**given, **typed}}))\n"
            f"    found = {table}({alias}=rows).to_pyarrow()\n"
            "    assert found.column_names == promised.names\n"
            "    assert found.num_rows == 2\n"
        )
        return body + "    " + steps


def captured(name: DatasetName, pattern: str) -> str:
    """The declaration of a dataset captured from files."""
    return (
        f"{name.table} = raw(\n    {str(name)!r},\n"
        f"    source=Files(connection='{name.team}_drop', pattern={pattern!r}, format='csv'),\n"
        "    contract=Contract(\n"
        f"        grain='one row per line of each delivered file',\n"
        "        key=('id',),\n        version='0.1.0',\n"
        "        columns=(Column('id', pa.string(), 'what names the line'),),\n    ),\n"
        f"    owner='team:{name.team}',\n)\n"
    )


def captured_test(name: DatasetName) -> str:
    """A test of what a captured dataset promises."""
    return (
        f'"""What {name} promises."""\n\n'
        f"from platform_assets.{name.team}.raw import {name.table}\n\n\n"
        f"def test_{name.table}_is_captured_from_files() -> None:\n"
        '    """The declaration names the drop folder with the key of a line."""\n'
        f"    assert str({name.table}.name) == {str(name)!r}\n"
        f"    assert {name.table}.contract.key == ('id',)\n"
    )


def definitions(team: str) -> str:
    """The door of a room."""
    return (
        f'"""The code location of team {team}."""\n\n'
        "from watermain.orchestrate.location import lazy_location\n\n"
        f'defs = lazy_location("{team}")\n'
    )


def workspace_entry(team: str) -> str:
    """The room's lines in `workspace.yaml`."""
    words = f"module_name: platform_assets.{team}.definitions\nlocation_name: {team}\n"
    return "  - python_module:\n" + indent(words, " " * 6)


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


def _values(kind: pa.DataType) -> str:
    if pa.types.is_string(kind):
        return '["a", "b"]'
    return "[True, False]" if pa.types.is_boolean(kind) else "[1, 2]"
