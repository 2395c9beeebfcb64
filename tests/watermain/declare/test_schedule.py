"""Schedules: cron that comes true, or four lines that say why not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import dagster as dg
import pyarrow as pa
import pytest

from watermain.declare import (
    Column,
    Contract,
    Daily,
    Dataset,
    Feature,
    Files,
    Kafka,
    Platform,
    dataset,
    feature_table,
    raw,
)
from watermain.declare.errors import InvalidDeclarationError
from watermain.declare.schedule import schedule_complaints

CONTRACT = Contract(
    grain="one row per thing",
    key=("id",),
    event_time="at",
    columns=(
        Column("id", pa.string(), "the thing"),
        Column("at", pa.timestamp("us", "UTC"), "when"),
    ),
)


def taken(schedule: object, source: object = None) -> Dataset:
    """A captured dataset with a schedule."""
    kept = source or Files(connection="drop", pattern="*", format="csv")
    return raw(
        "shop.raw.things", source=kept, contract=CONTRACT, owner="team:shop", schedule=schedule
    )  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "schedule",
    ["15 4 * * *", "@daily", "*/5 * * * *", "0 4 * * MON-FRI", "0 0 29 2 *", "0 4 1-7 * thu"],
)
def test_five_fields_of_cron_are_taken_by_both(schedule: str) -> None:
    """What we let pass Dagster lets pass, too."""
    assert taken(schedule).schedule == schedule
    target = dg.AssetSelection.assets("a")
    assert dg.ScheduleDefinition(name="a", cron_schedule=schedule, target=target)


@pytest.mark.parametrize(
    ("schedule", "said"),
    [
        ("", "is not understood"),
        ("* * * *", "is not understood"),
        ("61 * * * *", "is not understood"),
        ("*/0 * * * *", "is not understood"),
        ("daily", "is not understood"),
        ("@reboot", "is not understood"),
        ("H 4 * * *", "is not understood"),
        ("* * * * * *", "has 6 fields, not 5"),
        ("R 4 * * *", "is due by chance"),
        ("0 R(1-4) * * *", "is due by chance"),
        ("0 0 31 2 *", "is never due"),
        ("0 0 31 4,6 *", "is never due"),
        (timedelta(hours=1), "is no text"),
    ],
)
def test_what_is_no_schedule_is_refused_in_four_lines(schedule: object, said: str) -> None:
    """At the declaration, with an example of what to write."""
    (found,) = schedule_complaints(schedule)
    assert said in found[0]
    with pytest.raises(InvalidDeclarationError) as told:
        taken(schedule)
    what, declared, data, step = str(told.value).splitlines()
    assert what.startswith("shop.raw.things: schedule ")
    assert said in what
    assert "test_schedule.py:" in declared
    assert data.endswith("nothing was read or written")
    assert "`15 4 * * *`" in step or "a day that its months have" in step


def test_a_schedule_is_said_in_the_zone_of_the_cadence() -> None:
    """Without a cadence it is UTC."""
    assert taken("15 4 * * *").zone == "UTC"
    there = replace(taken("15 4 * * *"), cadence=Daily(zone="America/New_York"))
    assert there.zone == "America/New_York"


def test_a_schedule_takes_a_live_source_from_the_streams() -> None:
    """Whoever wants messages once a day says so."""
    bus = Kafka(connection="bus", topic="things")
    assert taken(None, bus).is_live
    assert not taken("15 4 * * *", bus).is_live
    assert not taken(None).is_live


def test_one_thing_drives_a_dataset() -> None:
    """What the platform writes nobody asks for; what a stream computes no schedule does."""
    with pytest.raises(InvalidDeclarationError, match="nobody is asked to"):
        taken("15 4 * * *", Platform(table="batches"))
    words = {"inputs": {"things": "shop.raw.things"}, "contract": CONTRACT, "owner": "team:shop"}
    live = Daily(every=timedelta(seconds=1))
    with pytest.raises(InvalidDeclarationError, match="a stream computes it every 0:00:01"):
        dataset("shop.curated.things", cadence=live, schedule="15 4 * * *", **words)(
            lambda things: things
        )
    found = dataset("shop.curated.things", schedule="15 4 * * *", **words)(lambda things: things)
    assert found.schedule == "15 4 * * *"


def test_a_feature_table_takes_a_schedule() -> None:
    """As every dataset does."""
    made = feature_table(
        "shop.features.things",
        feature=Feature(version=1, entity=("id",)),
        inputs={"things": "shop.raw.things"},
        contract=replace(CONTRACT, key=("id", "at")),
        owner="team:shop",
        schedule="@hourly",
    )(lambda things: things)
    assert made.schedule == "@hourly"
