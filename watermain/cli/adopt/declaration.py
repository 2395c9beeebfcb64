"""The declaration of an adopted table, written into its room from real template files."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from watermain.cli.scaffold import join, named, template, test_path, write
from watermain.declare.cadence import Cadence
from watermain.declare.contract import Contract
from watermain.declare.errors import InvalidProjectError
from watermain.declare.name import DatasetName
from watermain.engine.exchange.declaration_code import contract_code, imports
from watermain.engine.rooms.doors import shelf_file
from watermain.settings import project

_PROMISE = re.compile(r"    contract=Contract\(\n.*?\n    \),\n", re.DOTALL)
_WORDS = {
    "pattern": re.compile(r'pattern="[^"]*"'),
    "format": re.compile(r'format="[^"]*"'),
    "table": re.compile(r'table="[^"]*"'),
    "address": re.compile(r'address="[^"]*"'),
}


@dataclass(frozen=True, kw_only=True)
class Declared:
    """What is written of a raw dataset.

    Shapes: `kind` is that of its source, of which `words` are said; `address` is that of its
    connection, which is written where there is none of the name.
    """

    name: DatasetName
    kind: str
    connection: str
    words: dict[str, str]
    contract: Contract
    cadence: Cadence | None
    address: str = ""

    def write(self) -> list[Path]:
        """Write the declaration, its test and the connection; give the files."""
        here = project()
        shelf = here.root / shelf_file(self.name.team, "raw")
        files = [join(shelf, self.code, self.name)]
        tested = template("tests", "raw.py").replace("example_kind", self.kind)
        files.append(write(test_path(self.name), named(tested, self.name, here.rooms)))
        place = here.root / here.resources.replace(".", "/") / "connections.py"
        if f'"{self.connection}"' not in (place.read_text() if place.exists() else ""):
            place.parent.mkdir(exist_ok=True)
            told = self._connected(template("connection", f"{self.kind}.py"))
            files.append(join(place, _said(told, {"address": self.address})))
        return files

    @property
    def code(self) -> str:
        """A shelf's file that declares the dataset alone, its names left to be put in."""
        text = self._connected(template("source", f"{self.kind}.py"))
        told = f"    contract={_indented(contract_code(self.contract))},\n"
        told += f"    cadence={_cadence(self.cadence)},\n" if self.cadence else ""
        if not _PROMISE.search(text):
            raise InvalidProjectError.nothing_happened(
                f"the template of a source of kind {self.kind} has no contract",
                declared=f"watermain/templates/new/source/{self.kind}.py",
                next="pip install --force-reinstall watermain",
            )
        text = _said(_PROMISE.sub(lambda _: told, text), self.words)
        head, _, _ = text.partition("\n")
        body = text[text.index("example_table = ") :]
        return f"{head}\n\n{imports(body)}{body}"

    def _connected(self, text: str) -> str:
        return text.replace("example_connection", self.connection).replace(
            "EXAMPLE_CONNECTION", self.connection.upper()
        )


def _said(text: str, words: dict[str, str]) -> str:
    for word, value in words.items():
        told = f'{word}="{value}"'
        text = _WORDS[word].sub(lambda _, told=told: told, text)  # type: ignore[misc]
    return text


def _indented(code: str) -> str:
    return code.replace("\n", "\n    ")


def _cadence(cadence: Cadence) -> str:
    start = f"start={cadence.start!r}".replace("datetime.", "") if cadence.start else ""
    return f"{type(cadence).__name__}({start})"
