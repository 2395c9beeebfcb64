"""The as-of join: for each row of a spine what was known of its entity at its instant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Numbers = npt.NDArray[np.int64]
NEVER = np.iinfo(np.int64).min
LARGEST_KEY = 2**62
STEPS = 4  # a slot is that near to its guess, or is searched for
KEPT_PER_SLOT = 2


@dataclass(frozen=True)
class Facts:
    """Rows of a feature table, each of an entity that the spine names.

    Shapes: `entity` is the entity's number among the spine's; `known` is None where
    a row is known from its event on.
    Units: instants in microseconds since 1970.
    """

    entity: Numbers
    event: Numbers
    known: Numbers | None
    features: pa.RecordBatch

    @property
    def available(self) -> Numbers:
        """The instant from which each row may be used."""
        return self.event if self.known is None else np.maximum(self.event, self.known)


class Slots:
    """The distinct pairs of entity and instant that a spine asks about, in their order.

    Shapes: `entity` numbers the entity of each spine row from 0, negative for none; `at` is its
    instant in microseconds, rounded down.
    """

    def __init__(self, entity: Numbers, at: Numbers) -> None:
        self.rows = np.flatnonzero(entity >= 0)
        entity, at = entity[self.rows], at[self.rows]
        self._first, self._last = (int(at.min()), int(at.max())) if len(at) else (0, 0)
        self._width, self._instants = self._last - self._first + 1, None
        if (int(entity.max(initial=0)) + 1) * self._width > LARGEST_KEY:
            self._instants = np.unique(at)
            self._width = len(self._instants)
        keys = self._keys(entity, at)
        order = np.argsort(keys)
        ordered = keys[order]
        is_new = np.append(True, ordered[1:] != ordered[:-1])[: len(ordered)]
        self.keys = ordered[is_new]
        self.entity = entity[order][is_new]
        self.of_row = np.empty(len(keys), np.int64)
        self.of_row[order] = np.cumsum(is_new) - 1

    def __len__(self) -> int:
        return len(self.keys)

    def _keys(self, entity: Numbers, at: Numbers) -> Numbers:
        """One number for each pair, ordered as the pairs are.

        Guarantees: none overflows; where instants lie too far apart they are counted instead.
        """
        since: Numbers = np.maximum(at, self._first) - self._first
        if self._instants is not None:
            since = np.searchsorted(self._instants, at)
        keys: Numbers = entity * self._width + since
        return keys

    @cached_property
    def _guesses(self) -> tuple[Numbers, npt.NDArray[np.int32], int]:
        """The keys and an end, where each stretch of keys begins, and its length in bits.

        A binary search of a million keys is a dozen misses of the cache; a guess is two.
        """
        largest = int(self.keys[-1])
        bits = max(0, largest.bit_length() - (4 * len(self)).bit_length())
        begins = np.zeros((largest >> bits) + 2, np.int32)
        np.cumsum(np.bincount(self.keys >> bits), out=begins[1:])
        return np.append(self.keys, np.iinfo(np.int64).max), begins, bits

    def first_that_sees(self, facts: Facts) -> Numbers:
        """For each fact the first slot of its entity at or after it is available; -1 for none."""
        entity, available = facts.entity, facts.available
        if not len(self):
            return np.full(len(entity), -1)
        keys, begins, bits = self._guesses
        wanted = self._keys(entity, np.minimum(available, self._last))
        found: Numbers = begins.take(wanted >> bits, mode="clip").astype(np.int64)
        at = keys.take(found)
        left = np.flatnonzero(at < wanted)
        for _ in range(STEPS):
            found[left] += 1
            at[left] = keys[found[left]]
            left = left[at[left] < wanted[left]]
        if len(left):
            found[left] = np.searchsorted(self.keys, wanted[left])
            at[left] = keys[found[left]]
        # A key of the next entity, or the end, is further off than the width of one.
        seen = (at < (entity + 1) * self._width) & (available <= self._last)
        if not seen.all():
            found[~seen] = -1
        return found


class Newest:
    """The newest fact that each slot is the first to see, facts being given in any order.

    Guarantees: memory is bounded by the slots and one batch of facts; of facts alike in entity,
    event and known-at the same one is kept in whichever order they come.
    """

    def __init__(self, slots: Slots) -> None:
        self._slots = slots
        self._event = np.full(len(slots), NEVER)
        self._known = np.full(len(slots), NEVER)
        self._row = np.full(len(slots), -1, np.int64)
        self._batches: list[pa.RecordBatch] = []
        self._begins = [0]
        self._comes_late = False

    def take(self, facts: Facts, slot: Numbers) -> None:
        """Look at more facts, each with the first slot that sees it."""
        event, known = facts.event, facts.known
        rows = np.flatnonzero(slot >= 0)
        if len(rows) < len(slot):
            slot, event = slot[rows], event[rows]
            known = None if known is None else known[rows]
        event_before = self._event.copy()
        np.maximum.at(self._event, slot, event)
        best = np.flatnonzero(event == self._event.take(slot))
        is_better = self._event > event_before
        if known is not None:
            self._comes_late = True
            self._known[is_better] = NEVER
            known_before = self._known.copy()
            np.maximum.at(self._known, slot[best], known[best])
            best = best[known[best] == self._known[slot[best]]]
            is_better |= self._known > known_before
        self._keep(slot[best], facts.features.take(pa.array(rows[best])), is_better)

    def _keep(
        self, slot: Numbers, features: pa.RecordBatch, is_better: npt.NDArray[np.bool_]
    ) -> None:
        """Let the rows be those of their slots, unless others are as new."""
        before = self._row[slot]
        rows = self._begins[-1] + np.arange(len(slot))
        self._batches.append(features)
        self._begins.append(self._begins[-1] + len(slot))
        self._row[slot] = rows
        tied = (self._row[slot] != rows) | (~is_better[slot] & (before >= 0))
        if tied.any():
            self._break_ties(slot, rows, np.where(is_better[slot], -1, before), slot[tied])
        if self._begins[-1] > KEPT_PER_SLOT * len(self._slots) + len(features):
            self._compact()

    def _break_ties(self, slot: Numbers, rows: Numbers, before: Numbers, tied: Numbers) -> None:
        """Take, of rows that differ in features alone, the one whose values are written last."""
        concerned = np.flatnonzero(np.isin(slot, tied))
        choices: dict[int, set[int]] = {}
        for number in concerned:
            found = choices.setdefault(int(slot[number]), set())
            found |= {int(rows[number]), int(before[number])} - {-1}
        for place, candidates in choices.items():
            self._row[place] = max(candidates, key=lambda row: (self._written(row), -row))

    def _written(self, row: int) -> str:
        batch = int(np.searchsorted(self._begins, row, side="right")) - 1
        return repr(self._batches[batch].slice(row - self._begins[batch], 1).to_pylist())

    def _compact(self) -> None:
        """Forget the features that no slot keeps."""
        held = self._row >= 0
        kept = self._table().take(pa.array(self._row[held])).combine_chunks()
        self._row[held] = np.arange(kept.num_rows)
        self._batches = kept.to_batches()
        self._begins = [0, *np.cumsum([len(b) for b in self._batches], dtype=int).tolist()]

    def _table(self) -> pa.Table:
        return pa.Table.from_batches(self._batches)

    def answers(self, at: Numbers, max_age: timedelta | None, schema: pa.Schema) -> pa.Table:
        """The features of each spine row, null where nothing was known or that was too old.

        Shapes: `at` are the spine's instants in microseconds, rounded up; a row for each.
        """
        row, event = self._carried()
        slots = self._slots
        found = np.full(len(at), -1, np.int64)
        found[slots.rows] = row[slots.of_row]
        if max_age is not None:
            age = at[slots.rows] - event[slots.of_row]
            found[slots.rows[age > max_age // timedelta(microseconds=1)]] = -1
        if not self._batches:
            nulls = [pa.nulls(len(at), field.type) for field in schema]
            return pa.Table.from_arrays(nulls, schema=schema)
        taken = self._table().take(pa.array(found, mask=found < 0))
        return taken.cast(schema).combine_chunks()

    def _carried(self) -> tuple[Numbers, Numbers]:
        """For each slot the newest fact that it or an earlier one of its entity sees.

        A fact that came late is no answer where a newer event was known before; of one event, the
        later slot's fact became known later.
        """
        count, entity = len(self._slots), self._slots.entity
        is_newest = self._row >= 0
        if self._comes_late:
            rank = np.unique(self._event, return_inverse=True)[1].astype(np.int64)
            order = entity * (count + 1) + rank
            is_newest &= order == np.maximum.accumulate(order)
        place = np.maximum.accumulate(np.where(is_newest, np.arange(count), 0))
        own = (entity[place] == entity) & (self._row[place] >= 0)
        # Where nothing is known no age is too great, nor can it overflow.
        event = np.where(own, self._event[place], 0)
        return np.where(own, self._row[place], -1), event


def numbered(columns: Sequence[pa.Array]) -> tuple[Numbers, list[pa.Array]]:
    """Number the distinct entities of a spine from 0; -1 where any of the columns is null.

    Shapes: an entity for each distinct row of `columns`; beside the numbers the entities' values.
    """
    codes: Numbers = np.zeros(len(columns[0]), np.int64)
    is_null = np.zeros(len(codes), np.bool_)
    for column in columns:
        encoded = column.dictionary_encode()
        is_null |= encoded.indices.is_null().to_numpy(zero_copy_only=False)
        own = encoded.indices.fill_null(0).to_numpy().astype(np.int64)
        codes = codes * max(1, len(encoded.dictionary)) + own
        if len(columns) == 1:
            codes[is_null] = -1
            return codes, [encoded.dictionary]
        codes = np.unique(codes, return_inverse=True)[1].astype(np.int64)
    known = np.flatnonzero(~is_null)
    _, first, inverse = np.unique(codes[known], return_index=True, return_inverse=True)
    codes[is_null] = -1
    codes[known] = inverse
    places = pa.array(known[first])
    return codes, [column.take(places) for column in columns]
