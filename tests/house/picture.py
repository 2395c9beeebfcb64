"""The picture of the house, drawn from its imports."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Mapping
from itertools import groupby

from tests.house.arrows import crossing
from tests.house.tree import imports, modules

PAGE = "docs/architecture.md"
BEGIN, END = "<!-- drawn by `make picture` -->", "<!-- end of what is drawn -->"
PRODUCT = "watermain"
GROUND = "ground"  # the modules that lie beside the districts
ROOMS = "rooms"


def district(module: str) -> str | None:
    """Where a module of the product or of the company stands."""
    parts = module.split(".")
    if parts[0] in ("platform_assets", "resources", "sensors"):
        return parts[0]
    if parts[0] != PRODUCT:
        return None
    if len(parts) > 3 and parts[1] == "engine":
        return f"engine.{parts[2]}"
    return parts[1] if len(parts) > 2 else GROUND


def picture(files: Mapping[str, str]) -> str:
    """Draw the folders with what each is, then who imports whom."""
    return f"{BEGIN}\n\n{_folders(files)}\n{_arrows(files)}\n{END}"


def _folders(files: Mapping[str, str]) -> str:
    counted: dict[str, list[str]] = defaultdict(list)
    for path in modules(files, (f"{PRODUCT}/",)):
        folder, _, name = path.rpartition("/")
        counted[folder] += [] if name == "__init__.py" else [name]
    rows = ["| folder | modules | what stands there |", "|---|---|---|"]
    for folder, names in sorted(counted.items()):
        said = _first_line(files.get(f"{folder}/__init__.py", ""))
        rows.append(f"| `{folder}/` | {len(names)} | {said} |")
    return "\n".join(rows) + "\n"


def _first_line(text: str) -> str:
    docstring = ast.get_docstring(ast.parse(text)) or ""
    return docstring.partition("\n")[0]


def _arrows(files: Mapping[str, str]) -> str:
    known: set[tuple[str, str]] = set()
    for each in imports(files):
        here, there = district(each.importer), district(each.target)
        # Everybody may know the words, so those arrows would say nothing.
        if here and there and here != there and "declare" not in (here, there):
            known.add((here, there))
    lines = ["```mermaid", "flowchart TD"]
    placed = sorted({name for pair in known for name in pair}, key=lambda n: (_floor(n), n))
    for floor, names in groupby(placed, key=_floor):
        lines.append(f"  subgraph floor{floor}[floor {floor}]")
        lines += [f'    {_id(name)}["{name}"]' for name in names]
        lines.append("  end")
    lines += [f"  {_id(here)} --> {_id(there)}" for here, there in sorted(known)]
    return "\n".join([*lines, "```", ""])


def _floor(name: str) -> int:
    if name in ("platform_assets", "resources", "sensors"):
        return 5
    found = crossing(f"{PRODUCT}.{name}.any" if name != GROUND else f"{PRODUCT}.any")
    return found.floor if found else 2


def _id(name: str) -> str:
    return name.replace(".", "_")


def drawn(page: str, files: Mapping[str, str]) -> str:
    """A page with the picture as it is now."""
    before, _, rest = page.partition(BEGIN)
    return before + picture(files) + rest.partition(END)[2]
