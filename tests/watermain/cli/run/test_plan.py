"""The order of runs: upstream first, few runs, each with partitions of its own rhythm."""

from __future__ import annotations

from datetime import date

import ibis
import pyarrow as pa

from watermain.cli.run.plan import Run, downstream, runs, upstream
from watermain.declare import (
    Cadence,
    Column,
    Contract,
    Daily,
    Dataset,
    DatasetName,
    Files,
    Monthly,
    Platform,
    dataset,
    raw,
)
from watermain.engine.table.partition import Span

DAYS = Daily(start=date(2013, 1, 1))
CONTRACT = Contract(
    grain="one row per thing",
    key=("id",),
    event_time="at",
    columns=(Column("id", pa.string(), "the thing"), Column("at", pa.timestamp("us"), "when")),
)
N = DatasetName.parse


def captured(name: str, source: Files | Platform | None = None) -> Dataset:
    """A raw dataset."""
    files = Files(connection="drop", pattern="*.csv", format="csv")
    return raw(name, source=source or files, contract=CONTRACT, owner="team:x", cadence=DAYS)


def computed(name: str, reads: str, cadence: Cadence | None = None) -> Dataset:
    """A dataset that reads one other."""

    def body(given: ibis.Table) -> ibis.Table:
        return given

    words = {"inputs": {"given": reads}, "contract": CONTRACT, "owner": "team:x"}
    made: Dataset = dataset(name, cadence=cadence, **words)(body)  # type: ignore[arg-type]
    return made


ALL = {
    d.name: d
    for d in (
        computed("a.marts.monthly", "a.marts.daily", Monthly(start=date(2013, 1, 1))),
        computed("a.marts.daily", "a.curated.events", DAYS),
        computed("a.curated.events", "a.raw.events", DAYS),
        computed("a.curated.names", "a.raw.names"),
        computed("b.curated.all", "a.marts.monthly"),
        captured("a.raw.events"),
        captured("a.raw.names"),
        captured("b.raw.ledger", Platform(table="batches")),
    )
}


def test_runs_go_upstream_first_in_few_steps() -> None:
    """Captures together; then each rhythm as far as it goes; another team last."""
    found = runs(ALL, Span(DAYS, "2013-01-05", "2013-02-03"))
    assert [{str(n) for n in run.names} for run in found] == [
        {"a.raw.events", "a.raw.names"},
        {"a.curated.events", "a.marts.daily"},
        {"a.marts.monthly"},
        {"a.curated.names"},
        {"b.curated.all"},
    ]


def test_runs_translate_the_span_into_every_rhythm() -> None:
    """Days become the months that hold them; captures, whole tables take no partitions."""
    spans = {
        str(r.names[0]): (r.first, r.last)
        for r in runs(ALL, Span(DAYS, "2013-01-05", "2013-02-03"))
    }
    assert spans["a.marts.monthly"] == ("2013-01-01", "2013-02-01")
    assert spans["a.curated.events"] == ("2013-01-05", "2013-02-03")
    assert spans["a.curated.names"] == (None, None)
    assert spans["a.raw.events"] == (None, None)


def test_runs_leave_out_what_the_platform_writes() -> None:
    """Its own ledger is never asked for."""
    assert N("b.raw.ledger") not in {n for run in runs(ALL, None) for n in run.names}


def test_within_a_run_upstream_stands_first() -> None:
    """The names of a run are in the order in which they are computed."""
    daily = next(r for r in runs(ALL, None) if N("a.marts.daily") in r.names)
    assert daily.names == (N("a.curated.events"), N("a.marts.daily"))


def test_run_carries_its_range_as_tags() -> None:
    """Dagster reads the range from two tags; a run without partitions has none."""
    run = Run(names=(N("a.curated.events"),), first="2013-01-01", last="2013-01-02")
    assert run.tags == {
        "dagster/asset_partition_range_start": "2013-01-01",
        "dagster/asset_partition_range_end": "2013-01-02",
    }
    assert str(run) == "a.curated.events [2013-01-01..2013-01-02]"
    assert Run(names=(N("a.raw.events"),)).tags == {}


def test_upstream_is_everything_a_dataset_is_computed_from() -> None:
    """Itself included; neighbours are not."""
    assert upstream(N("a.marts.daily"), ALL) == {
        N("a.marts.daily"),
        N("a.curated.events"),
        N("a.raw.events"),
    }


def test_downstream_is_who_reads_it() -> None:
    """The direct readers, sorted."""
    assert downstream(N("a.marts.monthly"), ALL) == [N("b.curated.all")]
    assert downstream(N("b.curated.all"), ALL) == []
