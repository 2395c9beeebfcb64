"""The program that compiles a dbt project node by node, whatever else in it is wrong."""

from __future__ import annotations

import json
import re
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dbt.parser.manifest as loading
import dbt.parser.read_files as reading
from dbt.cli import requires
from dbt.cli.main import dbtRunner
from dbt.compilation import Compiler
from dbt.context.providers import RuntimeDatabaseWrapper
from dbt.exceptions import UninstalledPackagesFoundError
from dbt_common.clients.jinja import get_environment
from dbt_common.exceptions import CompilationError

from watermain.dbt.dbt_columns import Columns, UnknownColumnsError, in_order
from watermain.dbt.dbt_fault import Fault, entries, line_of, nodes_of, places, said
from watermain.dbt.dbt_foreign import outdated, repeated
from watermain.dbt.dbt_forms import compiled
from watermain.dbt.dbt_profile import TARGET, profiles
from watermain.dbt.dbt_seed import NEXT, seed_facts
from watermain.dbt.dbt_variables import Environment
from watermain.dbt.dbt_words import ANSWERED, ASKS, CHANGES, advice, changing
from watermain.settings import child_environment

RENDER_SECONDS = 60.0
PARSERS = (
    *("AnalysisParser", "DocumentationParser", "FixtureParser", "GenericTestParser"),
    *("MacroParser", "ModelParser", "SeedParser", "SingularTestParser", "SnapshotParser"),
)
STOCK = ("dbt", "dbt_duckdb")
COLUMNS = "get_columns_in_relation"


class AsksTheDatabaseError(CompilationError):  # type: ignore[misc]  # dbt ships no types
    """Refuse a question to the database, for there is none while a project is compiled."""

    def __init__(self, word: str) -> None:
        self.word = word
        super().__init__(f"{ASKS} (`adapter.{word}`)")


@dataclass(kw_only=True)
class Compilation:
    """A project on its way: what is left out of it because it is wrong."""

    root: str
    folder: Path
    faults: list[Fault] = field(default_factory=list)
    skipped: set[str] = field(default_factory=set)
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    seeds: dict[str, Any] = field(default_factory=dict)
    grown: dict[str, str] = field(default_factory=dict)
    absent: tuple[str, ...] = ()
    columns: Columns | None = None
    variables: Environment = field(default_factory=lambda: Environment(child_environment()))

    def load(self, stock: Callable[..., Any], config: Any, **words: Any) -> Any:
        """Load the project again and again, each time without what was found to be wrong."""
        while True:
            try:
                manifest = stock(config, **words)
                break
            except UninstalledPackagesFoundError:
                self.absent = tuple(map(_package, config.packages.packages))
                config.packages.packages = []  # who calls one of them is told so
            except Exception as error:  # of a foreign project: whatever it brings about
                self._leave_out(error)
        self._refuse_outdated(manifest, config)
        self._type_seeds(manifest, config)
        self.columns = Columns(manifest, self.seeds)
        self._compile(manifest, config)
        return manifest

    def _refuse_outdated(self, manifest: Any, config: Any) -> None:
        """Refuse what comes from a package for another dbt; its macros are told of."""
        for name, what in outdated(config):
            path, next = f"dbt_packages/{name}/dbt_project.yml", "dbt deps --upgrade"
            self._add(path, what, line=1, next=next)
            for node in manifest.nodes.values():
                if node.package_name == name:
                    self._add(path, what, line=1, node=node.unique_id, next=next)

    def read(self, stock: Callable[..., Any], path: Any, *words: Any, **named: Any) -> Any:
        """Read one file, unless it is left out; of a YAML file the entries that are right."""
        where = path.original_file_path
        if where in self.skipped and path.project_root == self.root:
            return None
        try:
            found = stock(path, *words, **named)
        except Exception as error:  # no text or no YAML
            self._add(where, said(error), line=line_of(error))
            return None
        content: dict[str, Any] | None = getattr(found, "dfy", None)
        if path.project_root == self.root:
            self.files[where] = content or {}
            for line, entry, key in repeated(found.contents if content else ""):
                self.skipped.add(f"{where}:{entry}" if entry else where)
                self._add(where, f"has the key `{key}` twice", line=line, entry=entry)
            if where in self.skipped:
                return None
        for section, listed in (content or {}).items():
            if isinstance(listed, list):
                assert content is not None
                content[section] = [e for e in listed if not self._is_skipped(where, section, e)]
        return found

    def parse(self, stock: Callable[..., Any], parser: Any, block: Any) -> Any:
        """Parse one file; what is wrong with it is its own."""
        before = dict(parser.manifest.macros)
        try:
            with limited():
                return stock(parser, block)
        except Exception as error:  # of a foreign template: whatever it brings about
            if parser.project.project_root != self.root:
                raise
            parser.manifest.macros = before
            where = block.path.original_file_path
            for twin in places(error, self.files):  # two models of one name: neither is right
                self._forget(parser.manifest, twin)
                self._add(twin, said(error), line=1) if twin != where else None
            self._add(where, said(error), line=line_of(error))
            return None

    def parse_entries(self, stock: Callable[..., Any], parser: Any, block: Any, dct: Any) -> None:
        """Parse a YAML file entry by entry; what is wrong with one is its own."""
        if parser.project.project_root != self.root or not dct:
            stock(parser, block, dct=dct)
            return
        plain = {k: v for k, v in dct.items() if not isinstance(v, list)}
        for section in sorted(dct.keys() - plain.keys(), key=list(dct).index):
            for entry in dct[section]:
                try:
                    stock(parser, block, dct={**plain, section: [entry]})
                except Exception as error:  # of a foreign declaration: whatever it brings about
                    name = str(entry.get("name", "")) if isinstance(entry, dict) else ""
                    where = block.path.original_file_path
                    text = Path(block.path.absolute_path).read_text()
                    line = line_of(error, text, name)
                    self._add(where, said(error), line=line, entry=f"{section}.{name}")

    def _forget(self, manifest: Any, where: str) -> None:
        for shelf in (manifest.nodes, manifest.macros):
            for key in [k for k, n in shelf.items() if n.original_file_path == where]:
                del shelf[key]

    def missing(self, node: Any, target_name: str, target_kind: str, **words: Any) -> None:
        """Note what a node reads that does not exist; dbt forgets such a test."""
        said = [str(n) for n in (words.get("target_package"), target_name) if n]
        why = "is disabled" if words.get("disabled") else "does not exist"
        source = target_kind == "source"
        told = ", ".join(f'"{part}"' for part in (target_name.split(".") if source else said))
        self._add(
            node.original_file_path,
            f"reads `{'source' if source else 'ref'}({told})`, which {why}",
            line=line_of("", getattr(node, "raw_code", "") or "", target_name),
            node=node.unique_id,
            next="watermain new dbt-sources, once a room declares that curated dataset"
            if source
            else "",
        )

    def _leave_out(self, error: BaseException) -> None:
        """Note who brought an error about, so that the project is loaded without it."""
        fresh = []
        for where in places(error, self.files):
            named = entries(error, self.files[where])
            fresh += [(where, n) for n in named or [""] if f"{where}:{n}" not in self.skipped]
        if not fresh:
            self._add("dbt_project.yml", said(error), line=1)
            raise error
        for where, entry in fresh:
            self.skipped.add(f"{where}:{entry}" if entry else where)
            self._add(where, said(error), line=line_of(error), entry=entry)

    def _is_skipped(self, where: str, section: str, entry: Any) -> bool:
        name = entry.get("name") if isinstance(entry, dict) else None
        return f"{where}:{section}.{name}" in self.skipped

    def _compile(self, manifest: Any, config: Any) -> None:
        """Compile each model and each test by itself; what reads a wrong one has no need of it.

        What is read is compiled before, for a template may ask for its columns.
        """
        compiler = Compiler(config)
        for node in in_order(manifest.nodes):
            wrong = {f.node for f in self.faults}
            kind = str(node.resource_type)
            if kind not in ("model", "snapshot", "test") or str(node.language) != "sql":
                continue
            if wrong & {node.unique_id, *node.depends_on.nodes}:
                continue
            try:
                with limited():
                    self._refuse_changing(node, manifest)
                    self.grown |= compiled(compiler, node, manifest)
            except Exception as error:  # of a foreign template: whatever it brings about
                self._blame(node, error)

    def _type_seeds(self, manifest: Any, config: Any) -> None:
        for node in manifest.nodes.values():
            if str(node.resource_type) != "seed":
                continue
            own = node.package_name == config.project_name
            root = Path(self.root if own else node.root_path)
            try:
                self.seeds[node.unique_id] = seed_facts(root / node.original_file_path, node.config)
            except Exception as error:  # of a foreign file: whatever it brings about
                self._add(
                    node.original_file_path, said(error), line=1, node=node.unique_id, next=NEXT
                )

    def _refuse_changing(self, node: Any, manifest: Any) -> None:
        codes = {node.unique_id: node.raw_code}
        waiting = list(node.depends_on.macros)
        while waiting:
            macro = manifest.macros.get(waiting.pop())
            if macro and macro.package_name not in STOCK and macro.unique_id not in codes:
                codes[macro.unique_id] = macro.macro_sql
                waiting += macro.depends_on.macros
        for code in codes.values():
            for word in changing(get_environment(None).parse(code)):
                raise CompilationError(f"says `{word}`, which {CHANGES}", node)

    def _blame(self, node: Any, error: BaseException) -> None:
        """Note a node that does not compile: the word that its author wrote and where it stands."""
        word, what = "", said(error)
        if isinstance(error, AsksTheDatabaseError):
            called = [n.name for n in nodes_of(error) if n.package_name in STOCK]
            own = [n for n in nodes_of(error)[1:] if n.package_name not in STOCK]
            word = called[0] if called else "adapter"
            shown = called[0] if called else f"adapter.{error.word}"
            through = "".join(f", through the macro `{n.name}`" for n in own)
            what = f"says `{shown}`{through}, which {ASKS}"
        elif CHANGES in what:
            word = what.split("`")[1]
        elif undefined := re.match(r"'(\w+)' is undefined", what):
            word = undefined.group(1)
            what = f"calls `{word}`, {self._why_undefined(word)}"
        told = error.next if isinstance(error, UnknownColumnsError) else None
        self._add(
            node.original_file_path,
            what,
            line=line_of(error, node.raw_code or "", word) if node.raw_code else 1,
            node=node.unique_id,
            next=told or self._instead(word),
        )

    def _why_undefined(self, word: str) -> str:
        """Why a template finds nothing behind a word."""
        if word in self.absent:
            return "a package that is not installed"
        for fault in self.faults:
            if fault.path.endswith(".sql") and not fault.node:
                text = (Path(self.root) / fault.path).read_text(errors="replace")
                if re.search(rf"\b(macro|test)\s+{word.removeprefix('test_')}\b", text):
                    return f"which is wrong itself: {fault.path}:{fault.line}: {fault.what}"
        return "which nothing defines"

    def _instead(self, word: str) -> str:
        if word in self.absent:
            return (
                "dbt deps --project-dir dbt_project --profiles-dir dbt_project, or copy its macro"
                " to dbt_project/macros/"
            )
        return advice(word) if word else ""

    def _add(self, path: str, what: str, *, line: int, next: str = "", **more: str) -> None:
        if not more:
            self.skipped.add(path)
        retry = f"mend dbt_project/{path}, then run the command again"
        fault = Fault(path=path, what=what, line=line, next=next or retry, **more)
        if fault not in self.faults:  # a project is loaded again without what was wrong
            self.faults.append(fault)


def _package(declared: Any) -> str:
    """The name by which the macros of a package are called."""
    name = getattr(declared, "package", None) or getattr(declared, "git", None)
    told = str(name or getattr(declared, "local", None) or getattr(declared, "name", ""))
    return told.rstrip("/").split("/")[-1].removesuffix(".git").replace("-", "_")


@contextmanager
def limited() -> Iterator[None]:
    """End what does not end."""

    def stop(*_: object) -> None:
        raise TimeoutError(f"is not rendered within {RENDER_SECONDS:.0f} seconds")

    signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, RENDER_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def answering(compilation: Compilation) -> Callable[[Any, str], Any]:
    """Answer what templates ask of the adapter, where no database is needed."""

    def ask(wrapper: Any, name: str) -> Any:
        if name == COLUMNS and compilation.columns is not None:
            return compilation.columns.of
        if name == "execute" and compilation.columns is not None:
            return execute
        if name not in ANSWERED:
            raise AsksTheDatabaseError(name)
        return getattr(wrapper._adapter, name)

    def execute(sql: str, **_: Any) -> Any:
        found = compilation.columns.reckoned(sql) if compilation.columns else None
        if found is None:
            raise AsksTheDatabaseError("execute")
        return found

    return ask


def install(compilation: Compilation) -> None:
    """Put ourselves between dbt and the files of the project."""
    read, load = reading.load_source_file, loading.ManifestLoader.get_full_manifest

    def reads(path: Any, *words: Any, **named: Any) -> Any:
        return compilation.read(read, path, *words, **named)

    def loads(config: Any, **words: Any) -> Any:
        return compilation.load(load, config, **words)

    requires.get_env = lambda: compilation.variables
    reading.load_source_file = loading.load_source_file = reads
    replaced: dict[str, tuple[Any, Any]] = {
        "get_full_manifest": (loading.ManifestLoader, loads),
        "invalid_target_fail_unless_test": (loading, compilation.missing),
        "__getattr__": (RuntimeDatabaseWrapper, answering(compilation)),
    }
    for name, (owner, ours) in replaced.items():
        setattr(owner, name, ours)
    entries_of = loading.SchemaParser.parse_file

    def parse_entries(self: Any, block: Any, dct: Any = None) -> None:
        compilation.parse_entries(entries_of, self, block, dct)

    parser: Any = loading.SchemaParser
    parser.parse_file = parse_entries
    for name in PARSERS:
        _wrap(getattr(loading, name), compilation)


def _wrap(parser: Any, compilation: Compilation) -> None:
    stock = parser.parse_file

    def parse_file(self: Any, block: Any, *_: Any, **__: Any) -> Any:
        return compilation.parse(stock, self, block)

    parser.parse_file = parse_file


def main(project: Path, folder: Path, variables: str) -> None:
    """Compile a project into `manifest.json`, which tells what is wrong beside what is right."""
    compilation = Compilation(root=str(project), folder=folder)
    install(compilation)
    words = ["--no-send-anonymous-usage-stats", "--no-version-check", "--no-use-colors"]
    words += ["--no-partial-parse", "--quiet", "--log-path", str(folder / "logs"), "parse"]
    words += ["--target", TARGET, "--target-path", str(folder), "--vars", variables]
    words += ["--project-dir", str(project), "--profiles-dir", str(profiles(project, folder))]
    done = dbtRunner().invoke(words)
    path = folder / "manifest.json"
    if done.exception is not None and not compilation.faults:
        compilation._add("dbt_project.yml", said(done.exception), line=1)
    whole = done.exception is None and path.exists()
    found = json.loads(path.read_text()) if whole else {"nodes": {}, "sources": {}, "metadata": {}}
    _place(found)
    asked = sorted(n for n in compilation.variables.asked if not n.startswith("DBT_"))
    found["watermain"] = {"faults": [f.facts() for f in compilation.faults], "asked": asked}
    found["watermain"] |= {"seeds": compilation.seeds, "grown": compilation.grown}
    path.write_text(json.dumps(found))


def _place(found: dict[str, Any]) -> None:
    """Name the files of installed packages from the project's folder, as its own are named."""
    own = found["metadata"].get("project_name")
    for node in (*found["nodes"].values(), *found["sources"].values()):
        if node["package_name"] != own:
            package = f"dbt_packages/{node['package_name']}"
            node["original_file_path"] = f"{package}/{node['original_file_path']}"


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve(), sys.argv[3])
