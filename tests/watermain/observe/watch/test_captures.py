"""What captures wait for, as signals."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from tests.watermain.observe.watch.failures import (
    GRAVITY,
    MILD,
    MINUTE,
    NOW,
    ORDERS,
    OTHER,
    known,
    trouble,
)
from watermain.engine.promise.signal import Signal
from watermain.observe.watch import schema, secret, standstill
from watermain.observe.watch.captures import CaptureWatching
from watermain.trouble import FOLDER, Trouble

LATE = "UnreachableSystemError"


def _told(found: list[Signal]) -> list[tuple[str, str, str]]:
    return [(str(s.dataset), s.severity, s.told) for s in found]


@pytest.mark.parametrize(("tries", "count"), [(1, 0), (2, 1), (9, 1)])
def test_credential_that_is_refused_again_is_told(tries: int, count: int) -> None:
    """Once may be a rotation that is under way; other kinds of trouble are none of it."""
    met = trouble("ExpiredCredentialError", "401", tries=tries, since=NOW - MINUTE)
    found = secret.refused([met, trouble(LATE, since=NOW)], GRAVITY)
    told = f"its source has refused the credential {tries} times: 401"
    assert _told(found) == [(str(ORDERS), "page", told)] * count
    assert [each.at for each in found] == [NOW - MINUTE] * count


def test_failure_is_a_page_only_where_something_is_promised_of_what_it_reaches() -> None:
    """The other dataset is read by nobody; a promise whose severity is `ticket` never pages."""
    some = [
        trouble("ExpiredCredentialError", "a", since=NOW),
        trouble("ExpiredCredentialError", "b", dataset=OTHER, since=NOW),
    ]
    assert [each.severity for each in secret.refused(some, GRAVITY)] == ["page", "ticket"]
    assert [each.severity for each in secret.refused(some, MILD)] == ["ticket", "ticket"]


def test_capture_that_a_frozen_contract_stops_is_told_at_once() -> None:
    """In the words of the refusal, without the dataset's name."""
    met = trouble("DriftError", f"{ORDERS}: the source shows `tip`", tries=1, since=NOW)
    assert _told(schema.refused([met], GRAVITY)) == [
        (str(ORDERS), "page", "the source shows `tip`")
    ]


@pytest.mark.parametrize(("minutes", "count"), [(4, 0), (5, 1)])
def test_capture_that_stands_still_is_told_after_five_minutes(minutes: int, count: int) -> None:
    """A source that restarts wakes nobody."""
    met = trouble(LATE, "the source is away", tries=7, since=NOW - minutes * MINUTE)
    told = "it stands still, tried 7 times: UnreachableSystemError: the source is away"
    assert _told(standstill.still([met], (), GRAVITY, NOW)) == [(str(ORDERS), "page", told)] * count
    assert standstill.still([met], (LATE,), GRAVITY, NOW) == []


def test_captures_that_meet_the_same_have_one_cause() -> None:
    """The one that met it first is told, with the names of the others."""
    some = [
        trouble(LATE, "the store is away", dataset=OTHER, since=NOW - 6 * MINUTE),
        trouble(LATE, "the store is away", since=NOW - 9 * MINUTE),
    ]
    (found,) = standstill.still(some, (), GRAVITY, NOW)
    assert (found.dataset, found.severity) == (ORDERS, "page")
    assert found.told.endswith(f"the store is away; so does `{OTHER}`")


def _write(home: Path, met: Trouble) -> None:
    (home / FOLDER).mkdir(exist_ok=True)
    (home / FOLDER / f"{met.dataset}.json").write_text(json.dumps(asdict(met)))


def test_what_a_dead_capture_waited_for_is_neither_told_nor_over(tmp_path: Path) -> None:
    """Another may go on or meet the same; of all others it is known that they are well."""
    watching = CaptureWatching(lambda: tmp_path, known)
    met = trouble("DriftError", "other columns", since=NOW)
    _write(tmp_path, met)
    looked = watching.look(NOW)
    assert [each.promise for each in looked.signals] == ["schema"]
    assert looked.is_judged("schema", ORDERS)
    _write(tmp_path, Trouble(**{**asdict(met), "pid": 2**22 + 1}))
    looked = watching.look(NOW)
    assert looked.signals == ()
    assert [looked.is_judged("schema", each) for each in (ORDERS, OTHER)] == [False, True]
    (tmp_path / FOLDER / f"{ORDERS}.json").unlink()
    assert watching.look(NOW).is_judged("secret", ORDERS)
