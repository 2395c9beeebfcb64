"""What a stream waits for is told while it waits."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from watermain import trouble
from watermain.declare.errors import UnreachableSystemError
from watermain.trouble import troubles

NOW = datetime(2026, 11, 29, 10, tzinfo=UTC)
AWAY = UnreachableSystemError("the store is away", declared="here", data="as it was", next="wait")


def begin(home: Path, minutes: int) -> None:
    """Meet the error again, so many minutes later."""
    now = NOW + timedelta(minutes=minutes)
    again_at = now + timedelta(seconds=30)
    trouble.begin(home, "shop.raw.sales", AWAY, now=now, again_at=again_at)


def test_tries_are_counted_since_the_first(tmp_path: Path) -> None:
    """The line says what, since when, how often, when again."""
    begin(tmp_path, 0)
    begin(tmp_path, 5)
    assert list(map(str, troubles(tmp_path))) == [
        "shop.raw.sales waits since 2026-11-29T10:00:00Z, tried 2 times,"
        " again at 2026-11-29T10:05:30Z: UnreachableSystemError: the store is away"
    ]
    trouble.end(tmp_path, "shop.raw.sales")
    trouble.end(tmp_path, "shop.raw.sales")
    assert troubles(tmp_path) == []


def test_words_of_a_dead_stream_count_no_more(tmp_path: Path) -> None:
    """Nor does a file that is no trouble; the next stream counts from one."""
    begin(tmp_path, 0)
    (file,) = (tmp_path / trouble.FOLDER).iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    file.write_text(json.dumps(json.loads(file.read_text()) | {"pid": 2**22 + 1}))
    (tmp_path / trouble.FOLDER / "other.json").write_text("{")
    assert troubles(tmp_path) == []
    begin(tmp_path, 9)
    assert [each.tries for each in troubles(tmp_path)] == [1]
