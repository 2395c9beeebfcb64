"""Values of declarations, said as people say them."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from watermain.declare import Daily, Files, Hourly, Kafka, Monthly, Share, Slo
from watermain.declare.outside.source import Mqtt, Platform, Postgres
from watermain.declare.wording import lasting, sentence, share, size


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("one row per aircraft", "One row per aircraft."),
        ("Keep each aircraft.\n\nAnd more", "Keep each aircraft.\n\nAnd more."),
        ("`origin` is never null", "`origin` is never null."),
        ("is it?", "Is it?"),
        ("  ", ""),
    ],
)
def test_sentence_has_a_capital_and_a_full_stop(text: str, said: str) -> None:
    """Whatever a declaration left out; code stays as it is."""
    assert sentence(text) == said


@pytest.mark.parametrize(
    ("length", "said"),
    [
        (timedelta(hours=1), "1 h"),
        (timedelta(days=28), "28 days"),
        (timedelta(days=1), "1 day"),
        (timedelta(days=1, hours=2, minutes=3), "1 day 2 h"),
        (timedelta(minutes=90), "1 h 30 min"),
        (timedelta(seconds=5), "5 s"),
        (timedelta(milliseconds=500), "0.5 s"),
        (timedelta(0), "0 s"),
    ],
)
def test_length_of_time_is_told_in_its_units(length: timedelta, said: str) -> None:
    """Two of them at most."""
    assert lasting(length) == said


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (12_345, "12.3 kB"),
        (999_960, "1.0 MB"),
        (381_784_064, "381.8 MB"),
        (5e9, "5.0 GB"),
        (7e12, "7.0 TB"),
    ],
)
def test_size_is_told_with_its_unit(count: float, said: str) -> None:
    """No unit holds a thousand of itself."""
    assert size(count) == said


def test_share_has_no_idle_digits() -> None:
    """Nor is any lost."""
    assert [share(x) for x in (0.99, 0.999, 0.5)] == ["99%", "99.9%", "50%"]


@pytest.mark.parametrize(
    ("word", "said"),
    [
        (Daily(), "daily in UTC from 2013-01-01"),
        (
            Daily(zone="America/New_York", late_for=timedelta(days=7), every=timedelta(seconds=5)),
            "daily in America/New_York from 2013-01-01, rows may come 7 days late,"
            " streams follow every 5 s",
        ),
        (Hourly(start=date(2020, 2, 1)), "hourly in UTC from 2020-02-01"),
        (Monthly(), "monthly in UTC from 2013-01-01"),
        (
            Slo(ready_within=timedelta(hours=1), objective=Share(0.95)),
            "95% of partitions ready within 1 h, over 28 days",
        ),
        (Kafka(connection="bus", topic="movements"), "Kafka `movements` of connection `bus`"),
        (
            Mqtt(connection="m", topic="a/#", device="d", sequence="s"),
            "Mqtt `a/#` of connection `m`",
        ),
        (Postgres(connection="db", table="public.x"), "Postgres `public.x` of connection `db`"),
        (
            Files(connection="drop", pattern="*.csv", format="csv"),
            "Files `*.csv` of connection `drop`",
        ),
        (Platform(table="publishes"), "Platform `publishes`"),
    ],
)
def test_no_word_is_told_as_code(word: object, said: str) -> None:
    """Cadences, promises, sources as a person reads them."""
    assert str(word) == said
    assert "(" in repr(word)
