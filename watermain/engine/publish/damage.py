"""Damaged data files, named as people know them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import duckdb

from watermain.declare.dataset import Dataset
from watermain.declare.errors import DamagedDataError, WatermainError
from watermain.engine.publish.publication import Job
from watermain.engine.table.partition import Span, overlapping, span_between
from watermain.lake.lake import Lake
from watermain.lake.rest.inventory import Listed, inventory, spread
from watermain.lake.rest.verification import UNVOUCHED, Verified, damaged, record, verify

Between = tuple[datetime, datetime] | None
_MARGIN = timedelta(days=1)  # covers every time zone


def spans_of(lake: Lake, dataset: Dataset, files: Iterable[Listed]) -> dict[int, Span | None]:
    """The partitions that data files hold rows of, by their number; None for all there are."""
    listed = list(files)
    found: dict[int, Span | None] = dict.fromkeys(f.number for f in listed)
    event = dataset.contract.event_time
    if dataset.cadence is None or event is None or not listed:
        return found
    for number, (low, high) in spread(lake, listed, event).items():
        try:
            found[number] = span_between(dataset, low, high)
        except (ValueError, WatermainError):
            continue  # an end that no calendar has
    return found


def partitions_of(
    lake: Lake, known: Mapping[str, Dataset], files: Sequence[Listed]
) -> dict[str, str]:
    """The partitions of each file in words, by its path below the lake's folder."""
    words = {}
    for name in {f.dataset for f in files}:
        own = [f for f in files if f.dataset == name]
        dataset = known.get(name)
        spans = spans_of(lake, dataset, own) if dataset is not None else {}
        for each in own:
            span = spans.get(each.number)
            words[each.file] = _words(span) if span is not None else _cell(each)
    return words


def prove_whole(
    lake: Lake,
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    *,
    snapshot: int | None = None,
    time: Between = None,
    data: str,
) -> list[Verified]:
    """Read the dataset's files of a snapshot that may hold rows of a time; give those unvouched.

    Raises: DamagedDataError, naming partition, snapshot and file of the first that is damaged.
    """
    at = lake.snapshot(connection) if snapshot is None else snapshot
    files = _near(lake, dataset, inventory(lake, [dataset.name], snapshot=at), time)
    found = list(verify(lake, connection, files))
    broken = damaged(found)
    if broken:
        raise refusal(lake, dataset, broken, files=len(files), at=at, data=data)
    return [f for f in found if f.state == UNVOUCHED]


def prove_inputs(
    dataset: Dataset, span: Span | None, job: Job, connection: duckdb.DuckDBPyConnection
) -> None:
    """See that what a dataset is rebuilt from is as it was written; vouch for what nothing did.

    Raises: DamagedDataError.
    """
    unvouched: list[Verified] = []
    for name in sorted(set(dataset.inputs.values())):
        other = job.find(name)
        if other.is_platforms:
            continue
        time = None
        if span is not None and other.cadence is not None:
            time = between(other, overlapping(span, other.cadence, dataset.looks_back(name)))
        data = f"nothing was published; readers still see {dataset.name} as it was"
        unvouched += prove_whole(job.lake, connection, other, time=time, data=data)
    record(job.lake, connection, unvouched, run_id=job.run_id, now=job.clock.now())


def prove_ledger(job: Job, connection: duckdb.DuckDBPyConnection, kept: str) -> None:
    """See that the files of one of the ledger's tables are as they were written.

    Raises: DamagedDataError.
    """
    name = f"upkeep.raw.{kept.rpartition('.')[2]}"
    at = job.lake.snapshot(connection)
    found = list(verify(job.lake, connection, inventory(job.lake, [name], snapshot=at)))
    for broken in damaged(found):
        raise DamagedDataError(
            f"{name}: {broken.listed.file} of snapshot {at} is damaged: {broken.why}",
            declared="the ledger",
            data="unchanged",
            next=f"restore the file from a backup, then watermain verify {name}",
        )
    unvouched = [f for f in found if f.state == UNVOUCHED]
    record(job.lake, connection, unvouched, run_id=job.run_id, now=job.clock.now())


def between(dataset: Dataset, keys: Iterable[str]) -> Between:
    """The time of the first to the last of some partitions; None for a whole table."""
    if dataset.cadence is None:
        return None
    windows = [dataset.cadence.window(key) for key in keys]
    return min(w.start for w in windows), max(w.end for w in windows)


def refusal(
    lake: Lake,
    dataset: Dataset,
    broken: Sequence[Verified],
    *,
    files: int,
    at: int,
    data: str,
) -> DamagedDataError:
    """The four lines for damage that is in the way."""
    first = broken[0]
    where = partitions_of(lake, {str(dataset.name): dataset}, [first.listed])[first.listed.file]
    mend = " --repair" if dataset.is_computed else ""
    return DamagedDataError(
        f"{dataset.name} [{where}]: {len(broken)} of {files} files of snapshot {at} are damaged,"
        f" such as {first.listed.file}: {first.why}",
        declared=f"{dataset.declared}; the checksum in the ledger, upkeep.raw.checksums",
        data=data,
        next=f"watermain verify {dataset.name}{mend}",
    )


def _near(lake: Lake, dataset: Dataset, files: Sequence[Listed], time: Between) -> Sequence[Listed]:
    """The files that may hold rows of a time, as the catalog knows their ends."""
    event = dataset.contract.event_time
    if time is None or event is None:
        return files
    low, high = time[0] - _MARGIN, time[1] + _MARGIN
    far = set()
    for number, ends in spread(lake, files, event).items():
        try:
            first, last = map(_instant, ends)
        except ValueError:
            continue
        if last < low or first > high:
            far.add(number)
    return [f for f in files if f.number not in far]


def _instant(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _words(span: Span) -> str:
    return span.first if span.first == span.last else f"{span.first}..{span.last}"


def _cell(listed: Listed) -> str:
    """The folder of a file inside its table's; `whole table` where there is none."""
    return "/".join(listed.file.split("/")[2:-1]) or "whole table"
