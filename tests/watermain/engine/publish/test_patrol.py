"""The whole lake is verified in slices, the newest files first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.watermain.engine.damaging import SALES, flip, listed
from tests.watermain.engine.shop import give, sales
from watermain.clock import FixedClock
from watermain.engine.publish import patrol as slices
from watermain.engine.publish.patrol import due, patrol
from watermain.engine.publish.publication import Job
from watermain.lake.lake import Lake
from watermain.lake.ledger import CHECKSUMS, VERIFICATIONS
from watermain.lake.rest.inventory import inventory

NOW = datetime(2013, 2, 1, tzinfo=UTC)
KNOWN = {sales([]).name: sales([])}


def at(lake: Lake, moment: datetime) -> Job:
    return Job(lake=lake, find=KNOWN.__getitem__, run_id="night", clock=FixedClock(moment))


@pytest.fixture
def three(lake: Lake) -> Lake:
    """A lake with a file for each of three publishes."""
    for day in (1, 2, 3):
        key = f"2013-01-0{day}"
        give(lake, sales([(f"s{day}", day, day)]), key, key)
    return lake


def test_slices_go_through_the_lake_newest_first(
    three: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each slice has its bytes; what was verified comes again after a fortnight, no sooner."""
    monkeypatch.setattr(slices, "SLICE_BYTES", 700)
    order = []
    for _ in range(3):
        chosen = [f for f in due(at(three, NOW)) if f.dataset == SALES]
        patrol(chosen, KNOWN, at(three, NOW))
        order += [[f.begun for f in chosen]]
    begun = sorted((f.begun for f in listed(three)), reverse=True)
    assert order == [[b] for b in begun]
    soon = due(at(three, NOW + timedelta(days=13)))
    assert [f for f in soon if f.dataset == SALES] == []
    monkeypatch.setattr(slices, "SLICE_BYTES", 2**30)
    again = due(at(three, NOW + timedelta(days=14)))
    assert [f.begun for f in again if f.dataset == SALES] == begun


def test_slice_of_a_large_lake_grows_with_it(three: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """A third of the bytes where three slices must do; one file at least."""
    monkeypatch.setattr(slices, "SLICE_BYTES", 1)
    assert len(due(at(three, NOW))) == 1
    monkeypatch.setattr(slices, "SLICES", 1)
    assert len(due(at(three, NOW))) == len(inventory(three))
    assert slices.SLICES * 1.0 <= 30 * 24 / 2


def test_patrol_keeps_what_it_finds(three: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dataset, partitions, snapshot, file, reason: as rows, as facts; in several commits."""
    monkeypatch.setattr(slices, "FILES_AT_ONCE", 2)
    hurt = listed(three)[1]
    flip(hurt.path, 8 * 40)
    found = patrol(inventory(three, [SALES]), KNOWN, at(three, NOW))
    assert found.facts == {
        "files": 3,
        "bytes": sum(f.bytes for f in listed(three)),
        "whole": 2,
        "first_seen": 0,
        "damaged": [
            {
                "dataset": SALES,
                "partitions": "2013-01-02",
                "file": hurt.file,
                "snapshots": f"since {hurt.begun}",
                "is_read": True,
                "why": "its bytes are not those that were written",
            }
        ],
    }
    with three.get_connection() as connection:
        rows = connection.execute(
            f"select file, state, partitions, snapshot, run_id from {VERIFICATIONS}"
            " order by snapshot"
        ).fetchall()
    assert [row[1:] for row in rows] == [
        (state, keys, file.begun, "night")
        for file, state, keys in zip(
            listed(three), ("whole", "damaged", "whole"), ("", "2013-01-02", ""), strict=True
        )
    ]


def test_old_data_folder_is_taken_in(three: Lake) -> None:
    """Files without a sum are counted as first seen, once."""
    with three.get_connection() as connection:
        connection.execute(f"delete from {CHECKSUMS}")
    first = patrol(inventory(three, [SALES]), KNOWN, at(three, NOW))
    assert (first.facts["first_seen"], first.facts["whole"]) == (3, 0)
    second = patrol(inventory(three, [SALES]), KNOWN, at(three, NOW))
    assert (second.facts["first_seen"], second.facts["whole"]) == (0, 3)
