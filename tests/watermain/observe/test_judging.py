"""Promises of rooms, judged by the commits of a real lake."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.watermain.engine.promise.promises import FEES, Commits, june, promise
from watermain.declare.errors import UnreachableSystemError
from watermain.declare.name import DatasetName
from watermain.engine.promise.book import LONG_AGO, VerdictBook
from watermain.engine.promise.published import LakeCommits
from watermain.engine.promise.written import written
from watermain.engine.rooms.last_good import FOLDER, FORMAT
from watermain.engine.rooms.promises import RoomPromises, promises
from watermain.lake import ledger
from watermain.lake.lake import Lake
from watermain.observe.asked import AskedCommits
from watermain.observe.judging import Judging


def _write(home: Path, team: str, *words: object, form: int = FORMAT) -> None:
    plain = {"inputs": {"read": "billing.raw.fees"}, "promise": {"team": {"name": "team:billing"}}}
    names = [f"billing.curated.{'fees' if each else 'other'}" for each in words]
    said = [{**plain, "name": n, "promised": w} for n, w in zip(names, words, strict=True)]
    told = {"format": form, "datasets": said}
    (home / FOLDER).mkdir(exist_ok=True)
    (home / FOLDER / f"{team}.json").write_text(json.dumps(told))


def _publish(lake: Lake, partition: str, at: datetime, epoch: int = 1) -> None:
    row = ledger.PublishRow(
        dataset=str(FEES),
        partition=partition,
        data_version="a",
        code_version="b",
        contract_version="1.0.0",
        contract_hash="c",
        rows_in=1,
        rows_out=1,
        bytes=1,
        seconds=0.1,
        peak_memory=1,
        input_snapshot=0,
        epoch=epoch,
        run_id="a run",
        published_at=at,
    )
    with lake.get_connection() as connection:
        ledger.append(connection, [row])


def test_promises_are_judged_by_the_ledger_of_the_lake(lake: Lake, home: Path) -> None:
    """In a process that ends: the first publish counts, and a second moves nothing."""
    book = VerdictBook(lake.dsn)
    judging = Judging(book, AskedCommits(), lambda: promises(home, ["billing"]))
    _write(home, "billing", written(promise()), None)
    assert judging(june(1, 12)) == ""
    _publish(lake, "2026-06-01", june(2, 1, 59, 59))
    _publish(lake, "2026-06-01", june(2, 9), epoch=2)
    _publish(lake, "2026-06-02", june(3, 5))
    assert judging(june(3, 8)) == "1 bad, 1 good"
    found = book.verdicts([FEES], LONG_AGO, june(9))[FEES]
    assert found["2026-06-01"].ready_at == june(2, 1, 59, 59)
    assert found["2026-06-02"].late_by == timedelta(hours=3)
    asked = {FEES: ["2026-06-01", "2026-06-09"]}
    assert LakeCommits(lake).ready(asked) == {(FEES, "2026-06-01"): june(2, 1, 59, 59)}
    assert LakeCommits(lake).ready({}) == {}


def test_round_in_which_nothing_can_be_due_asks_nothing(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For less than half a minute; a promise that is new, or what is due, is judged at once."""
    book, commits, asked = VerdictBook(lake.dsn), Commits(), list[datetime]()
    known = [RoomPromises((promise(),), frozenset({"billing"}))]
    judging = Judging(book, commits, lambda: known[0])
    judge = judging._evaluator.judge

    def counted(promises: object, now: datetime, **words: object) -> object:
        asked.append(now)
        return judge(promises, now, **words)  # type: ignore[arg-type]

    monkeypatch.setattr(judging._evaluator, "judge", counted)
    for second in range(0, 70, 10):
        assert judging(june(1, 12) + timedelta(seconds=second)) == ""
    assert [at.second for at in asked] == [0, 30, 0]
    other = promise(name=DatasetName("billing", "curated", "other"))
    known[0] = RoomPromises((promise(), other), frozenset({"billing"}))
    judging(june(1, 12, 1, 10))
    assert len(asked) == 4
    judging(june(1, 12, 1))  # a clock that was set back
    assert len(asked) == 5
    said = [judging(june(2, 1, 59, 40) + timedelta(seconds=s)) for s in range(0, 50, 10)]
    assert said == ["", "", "", "2 bad", ""]


def test_promise_ends_where_its_room_is_known_and_no_longer_makes_it(
    lake: Lake, home: Path
) -> None:
    """A torn file, or one of another release, ends nothing."""
    book = VerdictBook(lake.dsn)
    judging = Judging(book, AskedCommits(), lambda: promises(home, ["billing", "weather"]))
    _write(home, "billing", written(promise()))
    judging(june(1, 12))
    (home / FOLDER / "billing.json").write_text('{"format": 1, "datase')
    judging(june(1, 13))
    _write(home, "billing", form=FORMAT + 1)
    judging(june(1, 14))
    assert set(book.promised()) == {FEES}
    _write(home, "billing", None)
    judging(june(1, 15))
    assert set(book.promised()) == set()


def test_words_that_another_release_would_take_say_nothing(home: Path) -> None:
    """A promise that is refused today leaves its room unknown."""
    words = written(promise())
    _write(home, "billing", {**words, "slo": {"misses": 0, "of": 3}})
    assert promises(home, ["billing", "nobody"]) == RoomPromises((), frozenset())


def test_rooms_tell_who_reads_whom_and_who_owns_what(home: Path) -> None:
    """Of what promises nothing, too."""
    _write(home, "billing", None)
    known, other = promises(home, ["billing"]), DatasetName("billing", "curated", "other")
    assert known.inputs == {other: (DatasetName("billing", "raw", "fees"),)}
    assert known.owners == {other: "team:billing"}
    assert known.promises == ()


def test_lake_that_cannot_be_asked_is_told_with_its_reason(
    home: Path, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first of its four lines is passed on."""
    monkeypatch.setenv("WATERMAIN_POSTGRES", "host=127.0.0.1 port=1 dbname=x connect_timeout=1")
    with pytest.raises(UnreachableSystemError, match="does not answer"):
        AskedCommits().ready({FEES: ["2026-06-01"]})
