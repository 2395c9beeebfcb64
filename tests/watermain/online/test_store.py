"""What every kind of online store does, alike."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.watermain.online.kinds import (
    NOW,
    TABLE,
    Kind,
    clock,
    corrections,
    entries,
    scanned,
    us,
)
from watermain.clock import FixedClock
from watermain.declare.errors import LostRowsError
from watermain.online.protocol import Cursor, OnlineStore, StoredRow

A, B, C = b'["a",1]', b'["b",1]', '["\u00fc\\"",1]'.encode()
HOUR = timedelta(hours=1)


@pytest.fixture
def store(kind: Kind) -> Iterator[OnlineStore]:
    """An empty store of each kind, its time standing still."""
    with kind.open(clock()) as store:
        yield store


def test_store_gives_what_was_put(store: OnlineStore) -> None:
    """Whatever the order asked for; None where there is nothing, of unknown tables too."""
    value = '{"wind":1.5,"name":"\u00fc\\u0000"}'.encode()
    assert store.put(TABLE, entries((A, us(-5), value), (C, -1, b"{}")), None) == 2
    asked = [(TABLE, C), (TABLE, B), ("other.features.x_v1", A), (TABLE, A), (TABLE, A)]
    assert store.get(asked) == [StoredRow(-1, b"{}"), None, None, *[StoredRow(us(-5), value)] * 2]
    assert store.get([]) == []


def test_older_never_overwrites_newer(store: OnlineStore) -> None:
    """The same event time does: it is the same row again, or what is known of it since."""
    store.put(TABLE, entries((A, us(-5), b"1"), (B, us(-5), b"1")), None)
    assert store.put(TABLE, entries((A, us(-6), b"2"), (B, us(-5), b"2")), None) == 1
    assert store.get([(TABLE, A), (TABLE, B)]) == [StoredRow(us(-5), b"1"), StoredRow(us(-5), b"2")]
    assert store.put(TABLE, entries((A, us(-4), b"3"), (B, us(-5), b"2")), None) == 2
    assert store.get([(TABLE, A)]) == [StoredRow(us(-4), b"3")]


@pytest.mark.parametrize("event_us", [-(2**63) + 1, -(2**32), -1, 0, 2**32 - 1, 2**53 + 1, 2**62])
def test_order_is_exact_at_every_instant(store: OnlineStore, event_us: int) -> None:
    """A microsecond counts, however far from 1970."""
    store.put(TABLE, entries((A, event_us, b"1")), None)
    assert store.put(TABLE, entries((A, event_us - 1, b"2")), None) == 0
    assert store.put(TABLE, entries((A, event_us + 1, b"3")), None) == 1
    assert store.get([(TABLE, A)]) == [StoredRow(event_us + 1, b"3")]


def test_versions_live_side_by_side(store: OnlineStore) -> None:
    """A version is another table, though its name begins alike."""
    other = f"{TABLE}0"
    store.put(TABLE, entries((A, 1, b"two")), Cursor(1, 1))
    store.put(other, entries((A, 1, b"twenty")), Cursor(2, 2))
    assert (scanned(store), scanned(store, other)) == ({A: (1, b"two")}, {A: (1, b"twenty")})
    store.drop(other)
    assert (scanned(store), scanned(store, other)) == ({A: (1, b"two")}, {})
    assert (store.cursor(TABLE), store.cursor(other)) == (Cursor(1, 1), None)


def test_row_past_its_time_is_not_read(kind: Kind) -> None:
    """Its time counts from its event; a row that comes too late is not written."""
    time = clock()
    with kind.open(time) as store:
        rows = entries((A, us(-1800), b"1"), (B, us(-3600), b"1"), (C, us(-10), b"1"))
        assert store.put(TABLE, rows, None, HOUR) == 2
        assert set(scanned(store)) == {A, C}
        time.instant = NOW + timedelta(seconds=1800)
        assert store.get([(TABLE, A), (TABLE, C)]) == [None, StoredRow(us(-10), b"1")]
        assert set(scanned(store)) == {C}
        assert store.put(TABLE, entries((A, us(-1900), b"2")), None) == 1  # for ever
        time.instant = NOW + 1000 * HOUR
        assert scanned(store) == {A: (us(-1900), b"2")}


def test_row_past_its_time_is_removed(kind: Kind) -> None:
    """By the server itself, or by the next push that arrives."""
    time = clock()
    with kind.open(time) as store:
        rows = entries((A, us(-3599.95), b"1"), (B, us(), b"1"))
        store.put(TABLE, rows, Cursor(1, 1), HOUR)
        threading.Event().wait(0.1)  # the time of a server that removes by itself is its own
        time.instant = NOW + timedelta(seconds=1)
        store.put(TABLE, entries(), Cursor(2, 2), HOUR)
        time.instant = NOW
        assert set(scanned(store)) == {B}


def test_correction_replaces_what_was_seen_only(store: OnlineStore) -> None:
    """By an older row, or by nothing; done again it changes nothing."""
    rows = [(A, us(-5), b"1"), (B, us(-5), b"1"), (C, us(-5), b"1")]
    store.put(TABLE, entries(*rows), None)
    asked = corrections(
        (A, us(-5), us(-9), b"2"), (B, us(-5), None, None), (C, us(-4), us(-9), b"2")
    )
    assert store.correct(TABLE, asked) == 2
    assert scanned(store) == {A: (us(-9), b"2"), C: (us(-5), b"1")}
    assert store.correct(TABLE, asked) == 0
    assert scanned(store) == {A: (us(-9), b"2"), C: (us(-5), b"1")}


def test_correction_by_a_row_past_its_time_removes(store: OnlineStore) -> None:
    """The newest that is left may be too old to be read."""
    store.put(TABLE, entries((A, us(-5), b"1"), (B, us(-5), b"1")), None, HOUR)
    asked = corrections((A, us(-5), us(-3600), b"2"), (B, us(-5), us(-3599), b"2"))
    assert store.correct(TABLE, asked, HOUR) == 2
    assert scanned(store) == {B: (us(-3599), b"2")}


def test_cursor_stands_where_the_last_put_left_it(kind: Kind) -> None:
    """Also for the next who opens the store; a put without one does not move it."""
    with kind.open(clock()) as store:
        assert store.cursor(TABLE) is None
        store.put(TABLE, entries((A, 1, b"1")), Cursor(7, 10**15))
        store.put(TABLE, entries((A, 2, b"2")), None)
    with kind.open(clock()) as store:
        assert store.cursor(TABLE) == Cursor(7, 10**15)
        assert scanned(store) == {A: (2, b"2")}


def test_aim_stands_until_the_cursor_arrives(kind: Kind) -> None:
    """Whoever died on the way leaves word of where he went."""
    with kind.open(clock()) as store:
        store.put(TABLE, entries((A, 1, b"1")), Cursor(1, 1))
        assert store.begun(TABLE) is None
        store.begin(TABLE, Cursor(2, 5), Cursor(1, 1))
        store.put(TABLE, entries((A, 2, b"2")), None)
    with kind.open(clock()) as store:
        assert (store.begun(TABLE), store.cursor(TABLE)) == (Cursor(2, 5), Cursor(1, 1))
        store.begin(TABLE, Cursor(2, 5), Cursor(1, 1))
        store.put(TABLE, entries(), Cursor(2, 5))
        assert (store.begun(TABLE), store.cursor(TABLE)) == (None, Cursor(2, 5))


@pytest.mark.parametrize("since", [None, Cursor(1, 2), Cursor(2, 1)])
def test_nothing_begins_from_another_cursor(kind: Kind, since: Cursor | None) -> None:
    """What was reckoned from one that is gone would leave rows out."""
    with kind.open(clock()) as store:
        store.put(TABLE, entries((A, 1, b"1")), Cursor(1, 1))
        with pytest.raises(LostRowsError):
            store.begin(TABLE, Cursor(3, 3), since)
        assert (store.begun(TABLE), store.cursor(TABLE)) == (None, Cursor(1, 1))
        store.drop(TABLE)
        with pytest.raises(LostRowsError):
            store.begin(TABLE, Cursor(3, 3), Cursor(1, 1))
        assert (store.begun(TABLE), store.cursor(TABLE)) == (None, None)


def test_flushed_store_has_no_cursor(kind: Kind) -> None:
    """What follows is the first filling again."""
    with kind.open(clock()) as store:
        store.put(TABLE, entries((A, 1, b"1")), Cursor(1, 1))
    kind.flush()
    with kind.open(clock()) as store:
        assert (store.cursor(TABLE), store.begun(TABLE), scanned(store)) == (None, None, {})
        assert store.get([(TABLE, A)]) == [None]


@pytest.mark.parametrize("loss", ["drop", "begin"])
@pytest.mark.parametrize("given", [None, Cursor(1, 1)])
def test_put_is_refused_of_who_was_overtaken(kind: Kind, loss: str, given: Cursor | None) -> None:
    """The table was dropped, or begun by another: neither rows nor cursor of the first count."""
    with kind.open(clock()) as store, kind.open(clock()) as other:
        store.begin(TABLE, Cursor(1, 1))
        store.put(TABLE, entries((A, 1, b"1")), None)
        if loss == "drop":
            other.drop(TABLE)
        else:
            other.begin(TABLE, Cursor(2, 2))
        with pytest.raises(LostRowsError, match=r"weather\.features\.wind_v2: the online"):
            store.put(TABLE, entries((B, 9, b"1")), given)
        assert store.cursor(TABLE) is None
        if loss == "begin":
            other.put(TABLE, entries(), Cursor(2, 2))
            assert store.cursor(TABLE) == Cursor(2, 2)


def test_correction_is_refused_of_who_was_overtaken(kind: Kind) -> None:
    """A writer that slept must not take back what was written since."""
    with kind.open(clock()) as store, kind.open(clock()) as other:
        store.begin(TABLE, Cursor(1, 1))
        store.put(TABLE, entries((A, 5, b"1")), None)
        other.begin(TABLE, Cursor(2, 2))
        with pytest.raises(LostRowsError):
            store.correct(TABLE, corrections((A, 5, None, None)))
        assert scanned(other) == {A: (5, b"1")}


@pytest.mark.parametrize("ttl", [None, 1000 * HOUR])
def test_thousands_of_rows_are_put_at_once(
    kind: Kind, store: OnlineStore, ttl: timedelta | None
) -> None:
    """The first time, then over rows of which every second is newer, then corrected."""
    rows = [(f'["k{n}"]'.encode(), us(-100 - n % 2), b"%d" % n) for n in range(21_500)]
    store.begin(TABLE, Cursor(1, 1))
    assert store.put(TABLE, entries(*rows[:3000]), None, ttl) == 3000
    assert store.put(TABLE, entries(*rows), Cursor(1, 1), ttl) == 21_500
    assert scanned(store) == {key: (at, value) for key, at, value in rows}
    again = [(key, us(-101), b"new") for key, _, _ in rows]
    assert store.put(TABLE, entries(*again), Cursor(2, 2), ttl) == 21_500 // 2
    odd = {key: (us(-101), b"new") for key, at, _ in rows if at == us(-101)}
    assert scanned(store) == {key: (at, value) for key, at, value in rows} | odd
    gone = corrections(*((key, us(-100), None, None) for key, _, _ in rows))
    assert store.correct(TABLE, gone, ttl) == 21_500 // 2
    assert scanned(store) == odd
    store.drop(TABLE)
    assert scanned(store) == {}


def test_readers_in_threads_see_whole_rows(kind: Kind) -> None:
    """Value and event time belong together, while they change."""
    wrong: list[object] = []
    with kind.open(clock()) as store:
        store.put(TABLE, entries((A, 0, b"0")), None)
        stop = threading.Event()

        def read() -> None:
            while not stop.is_set():
                (found,) = store.get([(TABLE, A)])
                if found is None or found.value != b"%d" % found.event_us:
                    wrong.append(found)

        readers = [threading.Thread(target=read) for _ in range(3)]
        for each in readers:
            each.start()
        for n in range(1, 60):
            store.put(TABLE, entries((A, n, b"%d" % n)), Cursor(n, n))
        stop.set()
        for each in readers:
            each.join()
    assert wrong == []


KEYS = st.sampled_from([A, B, C, b'["d",1]'])
# Steps of a thousand seconds: no server of its own time ends a row during an example.
EVENTS = st.integers(-6, 3).map(lambda n: us(n * 1000))
TTLS = st.sampled_from([None, timedelta(seconds=2500), timedelta(seconds=5500)])
VALUES = st.binary(max_size=3)


class Books(RuleBasedStateMachine):
    """A store beside a plain dictionary, which does the same by Python's own means."""

    def __init__(self, kind: Kind) -> None:
        super().__init__()
        self.clock = FixedClock(NOW)
        self.kind, self.store = kind, kind.open(self.clock)
        self.store.drop(TABLE)
        self.rows: dict[bytes, tuple[int, bytes, int | None]] = {}
        self.cursor: Cursor | None = None
        self.aim: Cursor | None = None
        self.number = 0

    @property
    def now(self) -> int:
        return us((self.clock.instant - NOW).total_seconds())

    def live(self) -> dict[bytes, tuple[int, bytes]]:
        now = self.now
        return {k: (at, v) for k, (at, v, end) in self.rows.items() if end is None or end > now}

    @rule(rows=st.dictionaries(KEYS, st.tuples(EVENTS, VALUES)), ttl=TTLS, arrives=st.booleans())
    def put(
        self, rows: dict[bytes, tuple[int, bytes]], ttl: timedelta | None, arrives: bool
    ) -> None:
        """Out of order, again, late, ahead of time."""
        written = 0
        for key, (at, value) in rows.items():
            end = None if ttl is None else at + int(ttl.total_seconds()) * 10**6
            newest = self.live().get(key)
            if (end is None or end > self.now) and (newest is None or newest[0] <= at):
                self.rows[key] = (at, value, end)
                written += 1
        self.number += 1
        cursor = Cursor(self.number, self.now) if arrives else None
        given = entries(*((k, at, v) for k, (at, v) in rows.items()))
        assert self.store.put(TABLE, given, cursor, ttl) == written
        if cursor is not None:
            self.cursor, self.aim = cursor, None

    @rule(
        rows=st.dictionaries(KEYS, st.tuples(EVENTS, st.none() | st.tuples(EVENTS, VALUES))),
        ttl=TTLS,
    )
    def correct(
        self, rows: dict[bytes, tuple[int, tuple[int, bytes] | None]], ttl: timedelta | None
    ) -> None:
        """What was seen, what never was."""
        given, done = [], 0
        live = self.live()
        for key, (seen, fresh) in rows.items():
            at, value = fresh or (None, None)
            given.append((key, seen, at, value))
            if key not in live or live[key][0] != seen:
                continue
            done += 1
            end = None if ttl is None or at is None else at + int(ttl.total_seconds()) * 10**6
            del self.rows[key]
            if at is not None and value is not None and (end is None or end > self.now):
                self.rows[key] = (at, value, end)
        assert self.store.correct(TABLE, corrections(*given), ttl) == done

    @rule()
    def begin(self) -> None:
        self.number += 1
        self.aim = Cursor(self.number, self.now)
        self.store.begin(TABLE, self.aim, self.cursor)

    @rule(steps=st.integers(1, 3))
    def wait(self, steps: int) -> None:
        self.clock.instant += timedelta(seconds=1000 * steps)

    @rule()
    def reopen(self) -> None:
        self.store.close()
        self.store = self.kind.open(self.clock)

    @precondition(lambda self: self.rows)
    @rule()
    def drop(self) -> None:
        self.store.drop(TABLE)
        self.rows, self.cursor, self.aim = {}, None, None

    @invariant()
    def holds_what_the_dictionary_holds(self) -> None:
        live = self.live()
        keys = [A, B, C, b'["d",1]']
        found = self.store.get([(TABLE, key) for key in keys])
        assert {k: tuple(f) for k, f in zip(keys, found, strict=True) if f is not None} == live
        assert scanned(self.store) == live
        assert (self.store.cursor(TABLE), self.store.begun(TABLE)) == (self.cursor, self.aim)

    def teardown(self) -> None:
        self.store.close()


def test_store_does_what_a_dictionary_does(kind: Kind) -> None:
    """Whatever is put, corrected, forgotten, in whatever order."""
    run_state_machine_as_test(
        lambda: Books(kind), settings=settings(max_examples=40, stateful_step_count=20)
    )
