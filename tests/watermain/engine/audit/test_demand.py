"""Every check of every kind says what it demands."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import ibis
import pyarrow as pa
import pytest

from watermain.declare import (
    Column,
    Contract,
    Daily,
    Dataset,
    Quarantine,
    accepted_values,
    between,
    dataset,
    expression,
    fresh_within,
    matches,
    needs,
    not_null,
    refers_to,
    row_count,
    steady,
    unique,
)
from watermain.declare.check import Check, Query
from watermain.declare.name import DatasetName
from watermain.engine.audit.demand import demands, rule
from watermain.engine.publish.publication import check_labels
from watermain.engine.rooms.directory import everything

INSTANT = pa.timestamp("us", "UTC")


def made(*checks: Check, **words: Any) -> Dataset:
    """A dataset with these checks."""
    contract = Contract(
        grain="one row per leg",
        key=("id",),
        event_time="at",
        columns=(
            Column("id", pa.string(), "which"),
            Column("at", INSTANT, "when"),
            Column("miles", pa.int64(), "how far"),
        ),
        **({"quarantine": words.pop("quarantine")} if "quarantine" in words else {}),
    )

    @dataset(
        "shop.curated.legs",
        inputs={"given": words.pop("given", "shop.raw.legs")},
        contract=contract,
        checks=checks,
        owner="team:shop",
        **words,
    )
    def legs(given: ibis.Table) -> ibis.Table:
        """Take over."""
        return given

    return legs


@pytest.mark.parametrize(
    ("check", "said"),
    [
        (not_null("id"), "`id` is never null"),
        (unique("id"), "no two rows have the same `id`"),
        (
            unique("id", "at", nulls_repeat=False),
            "no two rows have the same `id` and `at`, rows that lack one of them left out",
        ),
        (
            unique("id", "at", blanks_repeat=False),
            "no two rows have the same `id` and `at`, rows that lack all of them left out",
        ),
        (accepted_values("id", ("EWR", "JFK", "LGA")), "`id` is one of EWR, JFK, LGA"),
        (
            accepted_values("miles", [*range(22)]),
            f"`miles` is one of {', '.join(map(str, range(20)))} or 2 more",
        ),
        (between("miles", low=1, high=10_000), "`miles` is between 1 and 10,000"),
        (between("miles", low=1), "`miles` is at least 1"),
        (between("miles", high=2.5), "`miles` is at most 2.5"),
        (matches("id", "[A-Z]{2}"), "`id` matches `[A-Z]{2}` from end to end"),
        (refers_to("id", "shop.curated.others"), "`id` is found in shop.curated.others"),
        (
            refers_to(("id", "at"), "shop.curated.others", other=("key", "on")),
            "`id` and `at` are together found in shop.curated.others, there called `key` and `on`",
        ),
        (row_count(), "there are rows, 1 at least"),
        (row_count(low=1, high=1), "there is one row"),
        (row_count(low=2, high=2), "there are exactly 2 rows"),
        (row_count(low=10, high=2000), "there are 10 to 2,000 rows"),
        (expression("far", "miles\n  > 3"), "every row keeps `miles > 3`"),
        (
            Query(name="adds_up", sql="", datasets=(DatasetName.parse("shop.curated.days"),)),
            "the query `adds_up` finds no row beside shop.curated.days",
        ),
        (
            fresh_within("at", timedelta(hours=2)),
            "the newest `at` is at most 2 h before now, or before the partition's end",
        ),
        (
            steady(),
            "the number of rows stays within a factor of 2 of the median of the 28 partitions"
            " before",
        ),
        (
            steady("miles", against=7, within=1.5),
            "the mean of `miles` stays within a factor of 1.5 of the median of the 7 partitions"
            " before",
        ),
    ],
)
def test_rule_is_told_with_its_values(check: Check, said: str) -> None:
    """What a row or a table must be."""
    assert rule(check) == said


def test_every_kind_of_check_has_words() -> None:
    """A kind that is added later is told, too."""
    assert set(Check.__subclasses__()) <= set(rule.registry)


def test_sentence_ends_with_what_becomes_of_what_breaks_it() -> None:
    """A partition, or a table, is blocked; rows are put aside; a person is warned."""
    told = demands(
        made(
            accepted_values("id", ("EWR", "JFK")),
            between("miles", low=0, severity="quarantine"),
            steady(),
            cadence=Daily(),
            quarantine=Quarantine(limit=0.01),
        )
    )
    assert told["accepted_values_id"] == "`id` is one of EWR, JFK; blocks the partition otherwise."
    assert told["between_miles"] == "`miles` is at least 0; puts the rows aside otherwise."
    assert told["steady_rows"].endswith("; warns otherwise.")
    assert told["not_null_at"] == "`at` is never null; blocks the partition otherwise."
    assert told["within_partition"] == (
        "`at` of each row lies in the row's partition; blocks the partition otherwise."
    )
    assert told["quarantine_limit"].startswith("At most 1% of the rows may be put aside;")
    assert told["adds_up"].startswith("Rows computed are rows published with rows put aside;")
    assert demands(made())["unique_key_id"] == (
        "No two rows have the same `id`; blocks the table otherwise."
    )


def test_need_is_told_of_the_input() -> None:
    """The columns, each with its type if it matters; and the guarantees."""
    wanted = needs(
        "shop.raw.legs",
        columns={"id": pa.string(), "miles": None},  # type: ignore[dict-item]
        guarantees=(not_null("id"),),
    )
    told = demands(made(given=wanted))
    assert told["needs_given_columns"] == (
        "The dataset shop.raw.legs has `id` as string and `miles`; blocks the table otherwise."
    )
    assert told["needs_given_not_null_id"] == (
        "In what is read of shop.raw.legs, `id` is never null; blocks the table otherwise."
    )


def test_every_check_of_the_project_is_a_sentence(manifest: object) -> None:
    """Declared, implied, needed, the platform's own; of captures and of marts, too."""
    told = {d.name: (demands(d), check_labels(d)) for d in everything().values()}
    for name, (said, labels) in told.items():
        assert [label for label, _ in labels] == list(said), name
        for sentence in said.values():
            assert sentence.endswith(" otherwise."), (name, sentence)
            assert sentence[0] == "`" or sentence[0].isupper(), (name, sentence)
            assert "None" not in sentence, (name, sentence)
