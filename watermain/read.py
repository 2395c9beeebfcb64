"""What a consumer of the platform's data imports."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from watermain.declare.dataset import Dataset
from watermain.declare.errors import (
    InvalidDeclarationError,
    LostFileError,
    TerminalError,
    UnknownDatasetError,
    UnknownSnapshotError,
    UnreachableSystemError,
    quoted,
)
from watermain.declare.name import DatasetName
from watermain.engine.feature.training import AsOf, Features, OfflineStore, TrainingFrame
from watermain.engine.feature.training_manifest import Manifest
from watermain.engine.rooms.declared import feature_tables
from watermain.engine.rooms.mask import (
    ASIDE,
    declaration,
    hides,
    nothing,
    partly_hidden,
    unknown_masks,
)
from watermain.engine.rooms.question import RefusedQueryError, Statement, parse, refused
from watermain.engine.rooms.watched import Stopwatch, audited, noticed
from watermain.lake.engine_error import translate
from watermain.lake.lake import Lake, quote
from watermain.lake.shown.disclosure import Disclosure, disclose
from watermain.lake.shown.shown import Hides, Shown, pinned
from watermain.lake.shown.wall import EngineClock, batches
from watermain.lake.shown.warm_wall import Asked, answering
from watermain.settings import load_settings, project

Names = Callable[[], Mapping[DatasetName, Dataset]]
__all__ = [
    "Answer",
    "Manifest",
    "RefusedQueryError",
    "TrainingFrame",
    "parse",
    "query",
    "reading",
    "table",
    "training_frame",
]


class QueryLimitError(TerminalError):
    """Stop a query that takes more time or memory than people's questions may."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The rows of a query and the one snapshot that they were read from.

    `masked` names the columns, as `dataset.column`, for which asterisks or nulls were read.
    """

    rows: pa.Table
    snapshot: int
    masked: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Reading:
    """An answer whose rows come in portions, as they are asked for."""

    schema: pa.Schema
    batches: Iterator[pa.RecordBatch]
    snapshot: int
    masked: tuple[str, ...]


def table(
    name: str,
    *,
    columns: tuple[str, ...] = (),
    snapshot: int | None = None,
    lake: Lake | None = None,
    unmask: str | None = None,
) -> pa.Table:
    """Read a dataset as it stands or as it stood in a snapshot; see `query`."""
    wanted = ", ".join(map(quote, columns)) or "*"
    sql = f"select {wanted} from {DatasetName.parse(name)}"
    return query(sql, snapshot=snapshot, lake=lake, unmask=unmask).rows


def training_frame(
    spine: Any,
    features: Features,
    *,
    entities: Mapping[str, str] | None = None,
    at: str = "event_time",
    as_of: AsOf = None,
    lake: Lake | None = None,
) -> TrainingFrame:
    """Join to each row of the spine what was known of its entity at its instant.

    Shapes: the spine is an Arrow, pandas or ibis table, `at` its column of instants; a reference
    is `team.features.table`, with `@2` for a version and `:feature` for one feature, or a feature
    set; `entities` maps an entity's column to the spine's where they are named differently.
    `as_of` is a snapshot's number, an aware moment, the manifest of an earlier call, or nothing
    for the newest snapshot.
    Guarantees: every row of the spine, in its order, once; of an entity's rows whose event time
    and known-at are at or before the instant, the one with the newest event time (among those the
    latest known), or null where that is older than the table's max age; and the manifest makes the
    same call return the same values.
    Raises: TrainingSetError, UnknownFeatureError or UnknownDatasetError.
    """
    store = OfflineStore(lake or Lake.from_settings(), feature_tables())
    return store.training_frame(spine, features, entities=entities, at=at, as_of=as_of)


def query(
    sql: str,
    *,
    snapshot: int | None = None,
    lake: Lake | None = None,
    declared: Names = dict,
    unmask: str | None = None,
) -> Answer:
    """Answer one reading statement whose tables are dataset names.

    Shapes: `declared` gives what is declared elsewhere than in the rooms, by name; `unmask` is the
    reason to see what is personal or secret, and is kept for good beside who asked what.
    Guarantees: every dataset is read from the same snapshot; nothing is written; and the engine
    that answers holds those datasets, or whole ones that this process asked for before, without
    what is masked.
    Raises: RefusedQueryError, UnknownDatasetError, UnknownSnapshotError or QueryLimitError.
    """
    told = reading(sql, snapshot=snapshot, lake=lake, declared=declared, unmask=unmask)
    with told as answer:
        rows = pa.Table.from_batches(answer.batches, answer.schema)
    return Answer(rows=rows, snapshot=answer.snapshot, masked=answer.masked)


@contextmanager
def reading(
    sql: str,
    *,
    snapshot: int | None = None,
    lake: Lake | None = None,
    declared: Names = dict,
    unmask: str | None = None,
) -> Iterator[Reading]:
    """Answer as `query` does, but with rows in portions of bounded size while the block lasts."""
    watch = Stopwatch(clock := EngineClock(load_settings().read_seconds))
    with audited():
        question = parse(sql)
    lake = lake or Lake.from_settings()
    with (
        audited(question),
        noticed(question),
        lake.get_connection() as connection,
        _limits(clock),
    ):
        newest = lake.snapshot(connection)
        at = newest if snapshot is None else _known(snapshot, newest, connection)
        _check_published(question, _published(connection), declared)
        names, masked = sorted(question.datasets), unmask is None
        if unmask is not None:
            disclose(lake, Disclosure(unmask, statement=sql, snapshot=at, datasets=names))

        def hides_of(name: DatasetName) -> Hides:
            return _mask(name, declared) if masked else nothing

        with ExitStack() as held:
            with clock.running(connection):
                some = {}
                if ASIDE in names and masked:
                    some[ASIDE] = _partly(connection, at, declared)
                told = {"names": names, "hides": hides_of, "partly": some, "alone": not masked}
                asked = Asked(snapshot=at, newest=newest, **told)  # type: ignore[arg-type]
                engine, tables = held.enter_context(answering(lake, connection, asked))
            schema, portions = batches(engine, engine.extract_statements(sql)[0], clock)
            with closing(portions), watch.timing(question):
                rows = watch.counting(portions)
                yield Reading(schema=schema, batches=rows, snapshot=at, masked=_masked(tables))


def _mask(name: DatasetName, declared: Names) -> Hides:
    """What says which columns of a dataset are masked.

    Raises: UnknownDatasetError, when nothing does.
    """
    found = _declared(name, declared)
    if found is None:
        raise unknown_masks(name, "is gone")
    return hides(found.contract)


def _declared(name: DatasetName, declared: Names) -> Dataset | None:
    return declaration(name) or declared().get(name)


def _partly(
    connection: duckdb.DuckDBPyConnection, snapshot: int, declared: Names
) -> Mapping[str, str]:
    """What is masked of rows in quarantine besides the rows themselves."""
    rows = connection.execute(
        f"select distinct dataset from {pinned(ASIDE, snapshot)} where dataset is not null"
    ).fetchall()
    return partly_hidden([str(row[0]) for row in rows], lambda n: _declared(n, declared))


def _masked(tables: list[Shown]) -> tuple[str, ...]:
    return tuple(
        f"{t.name}.{c}" for t in tables for c in t.columns if c in t.masked or c in t.partly
    )


@contextmanager
def _limits(clock: EngineClock) -> Iterator[None]:
    """Word what an engine says.

    Raises: QueryLimitError, UnreachableSystemError, LostFileError or RefusedQueryError.
    """
    try:
        yield
    except duckdb.InterruptException as error:
        what = f"the query was stopped after {clock.seconds:g} s"
        raise _limited(what, "WATERMAIN_READ_SECONDS") from error
    except duckdb.OutOfMemoryException as error:
        what = "the query needs more memory, or room to spill, than it may have"
        raise _limited(what, "WATERMAIN_MEMORY_LIMIT") from error
    except duckdb.PermissionException as error:
        what = f"it reaches for something that is no dataset: {_first(error)}"
        raise refused(what, reaches="what the engine is walled off from") from error
    except duckdb.IOException as error:
        if isinstance(translate(error, "the lake"), UnreachableSystemError | LostFileError):
            raise
        raise UnreachableSystemError(
            f"a file of the lake cannot be read: {_first(error)}",
            declared="WATERMAIN_DATA_DIR or WATERMAIN_LAKE_PATH",
            data="unchanged; nothing was answered",
            next="watermain doctor",
        ) from error
    except duckdb.Error as error:
        if isinstance(translate(error, "the lake"), UnreachableSystemError):
            raise
        raise refused(_first(error), next=_candidates(error)) from error


def _candidates(error: duckdb.Error) -> str:
    """The right names, where the engine tells some for a wrong one."""
    told = re.search(r"^(?:Candidate bindings|Did you mean):? *(.+)$", str(error), re.MULTILINE)
    names = re.findall(r'"(?:[^"]+\.)?([^".]+)"', told[1]) if told else []
    return f"use one of {quoted(dict.fromkeys(names))}" if names else ""


def _first(error: BaseException) -> str:
    return str(error).split("\n")[0][:300]


def _limited(what: str, setting: str) -> QueryLimitError:
    return QueryLimitError(
        what,
        declared=setting,
        data="unchanged; rows that were shown before are a part of the answer",
        next=f"ask for less: fewer partitions, fewer columns; or raise {setting}",
    )


def _check_published(
    question: Statement, published: frozenset[DatasetName], declared: Names
) -> None:
    """Look every name up.

    Raises: UnknownDatasetError, which tells the names that are near.
    """
    wrong = [str(n) for n in sorted(question.datasets) if n not in published]
    for text in [*wrong, *sorted(question.others)]:
        known = declared()
        for name in (n for n in known if str(n) == text):
            raise UnknownDatasetError(
                f"`{name}` is declared, but nothing of it is published yet in this snapshot",
                declared=known[name].declared,
                data="nothing was read",
                next=f"watermain materialize {name} --with-upstream",
            )
        names = sorted(str(n) for n in {*known, *published})
        near = difflib.get_close_matches(text, names, n=3, cutoff=0.6) or names
        raise UnknownDatasetError(
            f"no room declares the dataset `{text}`",
            declared=f"nowhere in {project().rooms}/",
            data="nothing was read",
            next=f"use one of {quoted(near)}",
        )


def _published(connection: duckdb.DuckDBPyConnection) -> frozenset[DatasetName]:
    """Every dataset that has a table, whether or not its room loads."""
    rows = connection.execute(
        "select schema_name, table_name from duckdb_tables() where database_name = 'lake'"
    ).fetchall()
    found = set()
    for schema, table_name in rows:
        team, _, stage = str(schema).rpartition("_")
        try:
            found.add(DatasetName(team, stage, str(table_name)))
        except InvalidDeclarationError:
            continue  # a table of somebody else's making
    return frozenset(found)


def _known(snapshot: int, newest: int, connection: duckdb.DuckDBPyConnection) -> int:
    row = connection.execute(
        "select min(snapshot_id), count(*) filter (where snapshot_id = ?) from lake.snapshots()",
        [snapshot],
    ).fetchone()
    if row is not None and row[1]:
        return snapshot
    oldest = row[0] if row else 0
    raise UnknownSnapshotError(
        f"snapshot {snapshot} is not in the lake",
        declared=f"its snapshots run from {oldest} to {newest}",
        data="nothing was read",
        next=f"use --snapshot {newest}, or leave it out",
    )
