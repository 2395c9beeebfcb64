"""The online store in Redis: one packed value for each entity."""

from __future__ import annotations

import json
import secrets
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry

from watermain.clock import Clock, micros
from watermain.online.address import StoreAddress
from watermain.online.lasting import corrected, lasting
from watermain.online.lost import lost
from watermain.online.protocol import ENTRIES, Cursor, StoredRow
from watermain.online.redis_fill import GoneMarkError, fill

# A script of a thousand keys keeps readers waiting for a few milliseconds.
SCRIPT_KEYS = 1000
SCRIPTS_AT_ONCE = 8
SCANNED_KEYS = 5000
PREFIX = struct.Struct(">qq")
PATIENCE_SECONDS = 10.0

# A value begins with its event time and then the instant at which it is past its time,
# both in microseconds, 8 bytes each. Numbers of Lua are doubles: instants are compared in two
# halves.
_WRITE = """
local function instant(value, from)
  return struct.unpack('>i4I4', value, from)
end
local now = tonumber(ARGV[2])
local function is_live(value)
  local high, low = instant(value, 9)
  return high * 4294967296 + low > now
end
local function write(key, value)
  local high, low = instant(value, 9)
  if high == 2147483647 and low == 4294967295 then
    redis.call('SET', key, value)
  else
    local left = math.floor((high * 4294967296 + low - now) / 1000) + 1
    redis.call('SET', key, value, 'PX', string.format('%.0f', left))
  end
end
if ARGV[1] ~= '' and redis.call('GET', KEYS[1]) ~= ARGV[1] then return -1 end
local held = redis.call('MGET', unpack(KEYS, 2))
local written = 0
"""
_PUT = (
    _WRITE
    + """
for i, old in ipairs(held) do
  local value, older = ARGV[i + 2], false
  if old then
    local high, low = instant(old, 1)
    local new_high, new_low = instant(value, 1)
    older = new_high < high or (new_high == high and new_low < low)
    older = older and is_live(old)
  end
  if not older then
    write(KEYS[i + 1], value)
    written = written + 1
  end
end
return written
"""
)
# Each row comes with the event time that is to be corrected, and then nothing or a packed value.
_CORRECT = (
    _WRITE
    + """
for i, old in ipairs(held) do
  local given = ARGV[i + 2]
  if old and is_live(old) and string.sub(old, 1, 8) == string.sub(given, 1, 8) then
    if #given == 8 then
      redis.call('DEL', KEYS[i + 1])
    else
      write(KEYS[i + 1], string.sub(given, 9))
    end
    written = written + 1
  end
end
return written
"""
)
_BEGIN = """
if (redis.call('GET', KEYS[2]) or '') ~= ARGV[2] then return '' end
local memory = redis.call('INFO', 'memory')
local policy = string.match(memory, 'maxmemory_policy:(%S+)')
if policy ~= 'noeviction' and string.match(memory, 'maxmemory:(%d+)') ~= '0' then
  return '!' .. policy
end
redis.call('SET', KEYS[1], ARGV[1])
return string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
"""
_ARRIVE = """
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
if run ~= ARGV[2] or redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[2], ARGV[3])
redis.call('DEL', KEYS[1])
return 1
"""


@dataclass(frozen=True)
class _Mark:
    """What we wrote when we began, in which life of the server, and whether the table was empty."""

    value: bytes
    run: str
    is_first: bool


class RedisStore:
    """Keep rows as keys of a Redis server that evicts none (`maxmemory-policy noeviction`).

    Guarantees: a key is compared and written by one script; a cursor is refused when the server
    was flushed, restarted or replaced by another since `begin`, whatever of it was on a disk; and
    nothing is begun in a server that would evict rows.
    """

    def __init__(self, address: StoreAddress, clock: Clock | None = None) -> None:
        self._address, self._clock = address, clock or Clock()
        self._marks: dict[str, _Mark] = {}
        self._opened: redis.Redis | None = None

    @property
    def _client(self) -> redis.Redis:
        if self._opened is None:
            try:
                self._opened = redis.Redis.from_url(
                    self._address.url,
                    socket_timeout=PATIENCE_SECONDS,
                    socket_connect_timeout=PATIENCE_SECONDS,
                    retry=Retry(ConstantBackoff(0.05), 1),
                )
            except ValueError as error:
                raise self._address.unreachable(error) from None
        return self._opened

    def begin(self, table: str, aim: Cursor, since: Cursor | None = None) -> None:
        value = json.dumps([aim.snapshot, aim.until_us, secrets.token_hex(8)]).encode()
        words: list[Any] = [_begun(table), _cursor(table), value, _told(since)]
        with self._translated():
            run = self._client.eval(_BEGIN, 2, *words).decode()
        if not run:
            raise lost(table)
        if run.startswith("!"):
            raise self._address.evicting(run[1:])
        self._marks[table] = _Mark(value, run, since is None)

    def begun(self, table: str) -> Cursor | None:
        return self._pair(_begun(table))

    def put(
        self, table: str, entries: pa.Table, cursor: Cursor | None, ttl: timedelta | None = None
    ) -> int:
        if cursor is not None and table not in self._marks:
            self.begin(table, cursor, self.cursor(table))
        now = micros(self._clock.now())
        rows = lasting(entries, ttl, now)
        mark = self._marks.get(table)
        with self._translated():
            keys, values = _keys(table, rows), _packed(rows)
            if mark is not None and mark.is_first and ttl is None:
                count = self._fill(table, mark, keys, values, now)
            else:
                count = self._run(_PUT, table, keys.to_pylist(), values.to_pylist(), now)
            if cursor is not None:
                self._arrive(table, cursor)
        return count

    def correct(self, table: str, corrections: pa.Table, ttl: timedelta | None = None) -> int:
        now = micros(self._clock.now())
        rows = corrected(corrections, ttl, now)
        seen, none = _eight(rows["seen_us"]), pa.scalar(b"", pa.binary())
        given = pc.binary_join_element_wise(seen, pc.fill_null(_packed(rows), none), none)
        with self._translated():
            keys = _keys(table, rows).to_pylist()
            return self._run(_CORRECT, table, keys, given.to_pylist(), now)

    def get(self, wanted: Sequence[tuple[str, bytes]]) -> list[StoredRow | None]:
        if not wanted:
            return []
        now = micros(self._clock.now())
        with self._translated():
            found = self._client.mget([row_prefix(table) + key for table, key in wanted])
        return [kept(value, now) for value in found]

    def scan(self, table: str) -> Iterator[pa.Table]:
        now, place = micros(self._clock.now()), 0
        start = len(row_prefix(table))
        while True:
            with self._translated():
                place, keys = self._client.scan(place, row_prefix(table) + b"*", SCANNED_KEYS)
                values = self._client.mget(keys) if keys else []
            found = [(k[start:], kept(v, now)) for k, v in zip(keys, values, strict=True)]
            rows = [(key, *row) for key, row in found if row is not None]
            if rows:
                columns = zip(zip(*rows, strict=True), ENTRIES.types, strict=True)
                yield pa.table([pa.array(each, kind) for each, kind in columns], schema=ENTRIES)
            if place == 0:
                return

    def cursor(self, table: str) -> Cursor | None:
        return self._pair(_cursor(table))

    def drop(self, table: str) -> None:
        self._marks.pop(table, None)
        with self._translated():
            self._client.delete(_cursor(table), _begun(table))
            some = []
            for key in self._client.scan_iter(row_prefix(table) + b"*", SCANNED_KEYS):
                some.append(key)
                if len(some) == SCRIPT_KEYS:
                    self._client.unlink(*some)
                    some.clear()
            if some:
                self._client.unlink(*some)

    def close(self) -> None:
        if self._opened is not None:
            self._opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _pair(self, key: str) -> Cursor | None:
        with self._translated():
            found = self._client.get(key)
        return None if found is None else Cursor(*json.loads(found)[:2])

    def _run(
        self, script: str, table: str, keys: list[bytes], values: list[bytes], now: int
    ) -> int:
        """Run a script over keys and their values, some thousands in one round trip."""
        mark, total = self._marks.get(table), 0
        head = mark.value if mark else b""
        each = SCRIPT_KEYS * SCRIPTS_AT_ONCE
        for first in range(0, len(keys), each):
            with self._client.pipeline(transaction=False) as pipe:
                for at in range(first, min(first + each, len(keys)), SCRIPT_KEYS):
                    some = keys[at : at + SCRIPT_KEYS]
                    words: list[Any] = [*some, head, now, *values[at : at + SCRIPT_KEYS]]
                    pipe.eval(script, len(some) + 1, _begun(table), *words)
                counts = pipe.execute()
            if -1 in counts:
                raise self._lost(table)
            total += sum(counts)
        return total

    def _fill(
        self, table: str, mark: _Mark, keys: pa.ChunkedArray, values: pa.ChunkedArray, now: int
    ) -> int:
        """Write the groups of rows of which none is there yet; leave the others to the script.

        A script takes five microseconds for a key, of which it makes strings of Lua; this takes
        three.
        """
        try:
            done = fill(self._client, (_begun(table), mark.value), keys, values, SCRIPT_KEYS)
        except GoneMarkError:
            raise self._lost(table) from None
        total = 0
        for number, was_new in enumerate(done):
            some_keys, some_values = (
                x[number * SCRIPT_KEYS :][:SCRIPT_KEYS] for x in (keys, values)
            )
            if was_new:
                total += len(some_keys)
            else:
                rest = some_keys.to_pylist(), some_values.to_pylist()
                total += self._run(_PUT, table, *rest, now)
        return total

    def _arrive(self, table: str, cursor: Cursor) -> None:
        """Move the cursor, unless rows written since `begin` may be gone."""
        mark = self._marks.pop(table)
        names = (_begun(table), _cursor(table))
        words: list[Any] = [*names, mark.value, mark.run, _told(cursor)]
        if not self._client.eval(_ARRIVE, 2, *words):
            raise lost(table)

    def _lost(self, table: str) -> Exception:
        self._marks.pop(table, None)
        return lost(table)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except redis.RedisError as error:
            raise self._address.unreachable(error) from None


@lru_cache(maxsize=1024)
def row_prefix(table: str) -> bytes:
    """How the keys of a table's rows begin."""
    return f"online:{table}:".encode()


def _cursor(table: str) -> str:
    return f"online-cursor:{table}"


def _begun(table: str) -> str:
    return f"online-begun:{table}"


def _told(cursor: Cursor | None) -> str:
    """A cursor as it is stored; nothing of none."""
    return "" if cursor is None else json.dumps([cursor.snapshot, cursor.until_us])


def _keys(table: str, rows: pa.Table) -> pa.ChunkedArray:
    prefix = pa.scalar(row_prefix(table), pa.binary())
    return pc.binary_join_element_wise(prefix, rows["key"], pa.scalar(b"", pa.binary()))


def _packed(rows: pa.Table) -> pa.ChunkedArray:
    """Each row as it is stored; null where its value is."""
    event, expires = _eight(rows["event_us"]), _eight(rows["expires_us"])
    return pc.binary_join_element_wise(event, expires, rows["value"], pa.scalar(b"", pa.binary()))


def _eight(numbers: pa.ChunkedArray) -> pa.Array:
    """Numbers as eight bytes, the highest first."""
    data = np.ascontiguousarray(numbers.to_numpy(), dtype=">i8")
    whole = pa.Array.from_buffers(pa.binary(8), len(data), [None, pa.py_buffer(data)])
    return whole.cast(pa.binary())


def kept(value: Any, now_us: int) -> StoredRow | None:
    """A row as it was packed; None where there is none or it is past its time."""
    if value is None:
        return None
    event_us, expires_us = PREFIX.unpack_from(value)
    return StoredRow(event_us, value[PREFIX.size :]) if expires_us > now_us else None
