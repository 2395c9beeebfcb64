"""Declarations are told in words, without a word of Python."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from watermain.cli.catalog import told
from watermain.declare import (
    Cadence,
    Check,
    Daily,
    Hourly,
    Monthly,
    Slo,
    accepted_values,
    between,
    expression,
    fresh_within,
    matches,
    not_null,
    refers_to,
    row_count,
    steady,
    unique,
)
from watermain.engine.rooms.directory import everything

NEW_YORK = Daily(zone="America/New_York", late_for=timedelta(days=7), every=timedelta(seconds=5))


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (timedelta(days=1), "1 day"),
        (timedelta(hours=26), "1 day 2 hours"),
        (timedelta(minutes=90), "1 hour 30 minutes"),
        (timedelta(milliseconds=1500), "1 second 500 milliseconds"),
        (timedelta(0), "0 seconds"),
    ],
)
def test_length_of_time_is_told_exactly(length: timedelta, words: str) -> None:
    """In the units that people use."""
    assert told.span(length) == words


@pytest.mark.parametrize(
    ("cadence", "words"),
    [
        (None, "one table, without partitions"),
        (Hourly(start=date(2026, 1, 1)), "hourly in UTC, since 2026-01-01"),
        (Monthly(), "monthly in UTC, since 2013-01-01"),
        (
            NEW_YORK,
            "daily in America/New_York, since 2013-01-01; rows may come 7 days late;"
            " a stream computes it every 5 seconds",
        ),
    ],
)
def test_cadence_is_told_in_words(cadence: Cadence | None, words: str) -> None:
    """Its calendar, how late rows may come, whether a stream computes it."""
    assert told.cadence(cadence) == words


def test_promise_is_told_in_words() -> None:
    """Shares without needless zeros."""
    slo = Slo(ready_within=timedelta(hours=1), target=0.995)
    assert told.promise(slo) == (
        "99.5% of partitions are ready 1 hour after their end, over 28 days"
    )
    assert told.promise(Slo(ready_within=timedelta(hours=1), target=0.9)).startswith("90% of")
    assert told.promise(None) == "none"


@pytest.mark.parametrize(
    ("check", "words"),
    [
        (not_null("id"), "every row has a value in `id`"),
        (unique("a", "b"), "no two rows agree in `a`, `b`"),
        (accepted_values("origin", ("EWR", "JFK")), "`origin` is one of EWR, JFK"),
        (accepted_values("n", range(10)), "`n` is one of 0, 1, 2, 3, 4, 5, 6, 7, 2 more"),
        (between("fee", low=0), "`fee` is at least 0"),
        (between("fee", high=9), "`fee` is at most 9"),
        (between("fee", low=0, high=9), "`fee` is between 0 and 9"),
        (matches("code", "[A-Z]{2}"), "`code` matches [A-Z]{2}"),
        (refers_to("code", "a.curated.codes"), "`code` stands in a.curated.codes"),
        (
            refers_to("code", "a.curated.codes", other="name"),
            "`code` stands in a.curated.codes (name)",
        ),
        (row_count(low=2), "each partition has at least 2 rows"),
        (row_count(low=2, high=3), "each partition has 2 to 3 rows"),
        (expression("sane", "a\n  < b"), "every row: a < b"),
        (fresh_within("at", timedelta(hours=2)), "the newest `at` is at most 2 hours old"),
        (steady(), "the number of rows stays within 2 times its median of 28 partitions"),
        (steady("fee", within=1.5), "the mean of `fee` stays within 1.5 times its median of 28"),
    ],
)
def test_rule_is_told_with_its_values(check: Check, words: str) -> None:
    """What is demanded, not what the word for it is called."""
    assert told.rule(check).startswith(words)


def test_every_declaration_of_the_company_has_words() -> None:
    """No rule, no source, no cadence falls back to a representation."""
    for dataset in everything().values():
        said = [told.rule(check) for check in dataset.all_checks]
        said += [told.cadence(dataset.cadence), told.source(dataset), told.rhythm(dataset)]
        assert not [text for text in said if "datetime" in text or "(zone=" in text]
        assert all(told.rule(check) != check.label for check in dataset.all_checks)
