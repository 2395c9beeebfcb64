"""The folder of a company that uses the platform."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from watermain.declare.errors import InvalidProjectError

FILE = "pyproject.toml"
NEW = "watermain init NAME"
ALL, ROOMS = "all", "rooms"  # what streams take: all in one process, or each room in its own


@dataclass(frozen=True, kw_only=True)
class Project:
    """What `[tool.watermain]` in a project's pyproject.toml says or leaves as it is.

    Shapes: `rooms`, `resources` and `sensors` are packages beside that file; `dbt` is a folder;
    `dbt_teams` gives folders of it, or groups as `group:<name>`, to teams, and `dbt_vars` are its
    variables, as `--vars` has them. `demo` is a module whose command plays an outside world for
    `watermain up`. `stream` says what is captured or followed without end: ALL that is live in one
    process, the same in a process for each of the ROOMS, or a list of datasets and teams.
    `repository` is the address under which the project's files are read by a browser. With a
    `game_day` it says that nothing of it matters, so that failures may be provoked in it.
    """

    root: Path
    rooms: str = "platform_assets"
    resources: str = "resources"
    sensors: str = "sensors"
    dbt: str = "dbt_project"
    dbt_teams: Mapping[str, str] = field(default_factory=dict, hash=False)
    dbt_vars: Mapping[str, Any] = field(default_factory=dict, hash=False)
    demo: str = ""
    stream: tuple[str, ...] | str = ALL
    repository: str = ""
    game_day: str = ""

    @property
    def rooms_folder(self) -> Path:
        """Where the rooms stand, which is one folder for each team."""
        return self.root / self.rooms.replace(".", "/")

    @property
    def resources_folder(self) -> Path:
        """Where the company says what it runs on."""
        return self.root / self.resources.replace(".", "/")

    @property
    def dbt_folder(self) -> Path:
        """Where the dbt project stands, if there is one."""
        return self.root / self.dbt

    def teams(self) -> tuple[str, ...]:
        """Every team that has a room here."""
        return tuple(sorted(p.parent.name for p in self.rooms_folder.glob("*/definitions.py")))

    @property
    def workspace(self) -> Path:
        """The file that lists the rooms for Dagster."""
        return self.root / "workspace.yaml"

    def importable(self) -> Project:
        """Let this process import the project's packages; the project itself."""
        if str(self.root) not in sys.path:
            sys.path.insert(0, str(self.root))
        return self


def find(start: Path) -> Project:
    """The project that a folder belongs to: the nearest one upwards that has the table.

    Raises: InvalidProjectError, where there is none or what it says cannot be honoured.
    """
    start = start.resolve()
    for folder in (start, *start.parents):
        said = _table(folder / FILE)
        if said is not None:
            return _checked(folder, said)
    raise InvalidProjectError.nothing_happened(
        f"there is no project in {start} or above it",
        declared=f"no {FILE} there has a table [tool.watermain]",
        next=f"cd into a project, say --project PATH, or begin one: {NEW}",
    )


def _table(path: Path) -> dict[str, Any] | None:
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise _refused(path, f"it is no TOML: {error}", f"mend {path}") from error
    table = found.get("tool", {}).get("watermain")
    if table is None or isinstance(table, dict):
        return table
    raise _refused(path, "`tool.watermain` is no table", "write [tool.watermain] on its own line")


def _checked(root: Path, said: dict[str, Any]) -> Project:
    path = root / FILE
    known = [f.name for f in fields(Project) if f.name != "root"]
    if strange := sorted(set(said) - set(known)):
        told = ", ".join(f"`{name}`" for name in known)
        raise _refused(path, f"`{strange[0]}` is no setting of a project", f"use one of {told}")
    for name, value in said.items():
        if name == "stream":
            right = value in (ALL, ROOMS) or (
                isinstance(value, list) and all(isinstance(v, str) for v in value)
            )
            wanted = f"a list of texts, or one of `{ALL}`, `{ROOMS}`"
        elif name == "dbt_teams":
            right = isinstance(value, dict) and all(isinstance(v, str) for v in value.values())
            wanted = 'a table, such as {"models/staging" = "sales"}'
        elif name == "dbt_vars":
            right, wanted = isinstance(value, dict), 'a table, such as {currency = "EUR"}'
        else:
            right, wanted = isinstance(value, str), "a text"
        if not right:
            raise _refused(path, f"`{name}` is {value!r}", f"give `{name}` {wanted}")
    for name in ("rooms", "resources", "sensors"):
        package = said.get(name, name)
        if not all(part.isidentifier() for part in package.split(".")):
            why = f"`{name}` is {package!r}, which is the name of no package"
            raise _refused(path, why, f"name the package as Python imports it, such as {name!r}")
    if "dbt" in said and not (root / said["dbt"]).is_dir():
        why = f"`dbt` is {said['dbt']!r}, and there is no such folder, so its marts are unknown"
        raise _refused(path, why, "name the folder of the dbt project, or leave the line out")
    stream = said.get("stream", ALL)
    address = said.get("repository", "")
    if address and not address.startswith(("https://", "http://")):
        told = "give the address of its files, such as https://github.com/acme/data/blob/main"
        raise _refused(path, f"`repository` is {address!r}, which is no address", told)
    values = {**said, "stream": stream if isinstance(stream, str) else tuple(stream)}
    return Project(root=root, **values)


def _refused(path: Path, what: str, next_step: str) -> InvalidProjectError:
    return InvalidProjectError.nothing_happened(
        f"the project cannot be read: {what}",
        declared=f"{path}  [tool.watermain]",
        next=next_step,
    )
