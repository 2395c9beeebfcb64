"""What a plain asset returns becomes a dataset: captured, held against its contract, read."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import ibis
import pyarrow as pa
import pytest

from tests.watermain.orchestrate.brought import quote_code
from tests.watermain.orchestrate.brought.quote_code import GIVEN, frame
from watermain.declare import (
    Column,
    Contract,
    DagsterAsset,
    Daily,
    Dataset,
    between,
    dataset,
    latest_delivery,
    raw,
)
from watermain.declare.errors import InvalidDeclarationError
from watermain.lake.lake import Lake, table
from watermain.lake.ledger import QUARANTINE
from watermain.orchestrate.asset import asset_for
from watermain.orchestrate.brought.plain import plain_definitions
from watermain.orchestrate.brought.together import partitioned, together
from watermain.orchestrate.instance.lake_resource import settled
from watermain.orchestrate.sensors.sources import source_sensors
from watermain.orchestrate.tags import FRAMES, FRAMES_UNTIL

CONTRACT = Contract(
    grain="one row per quote",
    key=("id",),
    event_time="at",
    columns=(
        Column("id", pa.int64(), "its number"),
        Column("price", pa.decimal128(10, 2), "what is asked", unit="USD"),
        Column("at", pa.timestamp("us", "UTC"), "when it was given"),
    ),
)


def captured(name: str, key: str, **words: Any) -> Dataset:
    """A raw dataset of an asset."""
    return raw(
        f"shop.raw.{name}",
        source=DagsterAsset(key=key),
        contract=CONTRACT,
        owner="team:shop",
        **words,
    )


quotes = captured("quotes", "quotes")
regions = captured("regions", "regions", cadence=Daily(start=date(2026, 1, 1)))


@dataset(
    "shop.curated.quotes",
    inputs={"given": "shop.raw.quotes"},
    contract=CONTRACT,
    checks=(between("price", low=0),),
    owner="team:shop",
)
def current(given: ibis.Table) -> ibis.Table:
    """Each quote as it was given last."""
    return latest_delivery(given, "id")


KNOWN = {d.name: d for d in (quotes, regions, current)}
FIND = KNOWN.__getitem__


@pytest.fixture
def room(lake: Lake) -> dg.Definitions:
    """The datasets beside the plain assets that they come from."""
    GIVEN.clear()
    GIVEN["declared"] = KNOWN
    brought = {"quote_code": plain_definitions(quote_code.__name__)}
    cut = partitioned(brought)
    own = dg.Definitions(
        assets=[asset_for(d, FIND, cut=cut) for d in KNOWN.values()],
        resources={"lake": settled(lake)},
        sensors=source_sensors(tuple(KNOWN.values())),
    )
    assert set(cut) == {dg.AssetKey("regions")}
    return together(own, brought, tuple(KNOWN.values()), FIND)


@pytest.fixture
def instance(tmp_path: Path) -> Any:
    """A memory of runs, with a folder for the values of plain assets."""
    with dg.DagsterInstance.ephemeral(str(tmp_path)) as found:
        yield found


def made(
    room: dg.Definitions, instance: dg.DagsterInstance, *keys: str, **words: Any
) -> dg.ExecuteInProcessResult:
    """Materialize assets in one run."""
    selected = [dg.AssetKey(key.split("/")) for key in keys]
    job = room.resolve_implicit_global_asset_job_def()
    return job.execute_in_process(
        asset_selection=selected, instance=instance, raise_on_error=False, **words
    )


def rows(lake: Lake, of: Dataset, columns: str = "id, price::varchar") -> list[tuple[Any, ...]]:
    """What a dataset holds."""
    with lake.get_connection() as connection:
        return connection.execute(f"select {columns} from {table(of.name)} order by all").fetchall()


def test_frame_becomes_a_dataset_that_a_model_is_trained_on(
    lake: Lake, room: dg.Definitions, instance: dg.DagsterInstance
) -> None:
    """One run: fetched, captured, published, trained, reported; a bad row is put aside."""
    GIVEN["quotes"] = frame(1.5, 2.5, "a lot")
    chain = ("quotes", "shop/raw/quotes", "shop/curated/quotes", "model", "report")
    assert made(room, instance, *chain).success
    assert rows(lake, current) == [(0, "1.50"), (1, "2.50")]
    with lake.get_connection() as connection:
        ((reason,),) = connection.execute(f"select reason from {QUARANTINE}").fetchall()
    assert "`price`" in reason
    assert GIVEN["report"].startswith("2 quotes up to 2.50, next 4.5 (snapshot ")

    GIVEN["quotes"] = frame(7.5, 2.5)
    assert made(room, instance, "quotes").success
    assert made(room, instance, *chain[1:3]).success  # loaded by the asset's own I/O manager
    assert rows(lake, current) == [(0, "7.50"), (1, "2.50")]
    assert rows(lake, quotes, "_delivery, _row, id")[-2:] == [(2, 1, 0), (2, 2, 1)]
    assert made(room, instance, chain[1]).success
    assert len(rows(lake, quotes)) == 4  # the same frame is no news


def test_sensor_asks_until_a_capture_has_succeeded(
    lake: Lake, room: dg.Definitions, instance: dg.DagsterInstance
) -> None:
    """Of the partitions that were materialized; nothing that failed is forgotten."""
    sensor = room.resolve_sensor_def("shop_regions_dagster")
    cursor: list[str | None] = [None]

    def asked() -> list[dict[str, str]]:
        context = dg.build_sensor_context(
            instance=instance, cursor=cursor[0], repository_def=room.get_repository_def()
        )
        told = sensor.evaluate_tick(context)
        cursor[0] = told.cursor
        return [
            {k: request.tags[k] for k in (FRAMES, FRAMES_UNTIL)}
            for request in told.run_requests or ()
        ]

    assert asked() == []
    assert made(room, instance, "shop/raw/regions").success  # nothing waits, and that is fine
    GIVEN["east"] = frame(1.0).to_dict("records")
    GIVEN["west"] = 3
    assert made(room, instance, "regions", partition_key="east").success
    assert made(room, instance, "regions", partition_key="west").success
    (tags,) = asked()
    assert tags[FRAMES] == '["east", "west"]'
    tags["dagster/sensor_name"] = sensor.name
    failed = made(room, instance, "shop/raw/regions", tags=tags)
    assert not failed.success
    why = failed.failure_data_for_node("shop__raw__regions").user_failure_data
    assert why is not None
    assert "the asset returned a int, which is no frame" in str(why.description)
    assert asked() == [{k: tags[k] for k in (FRAMES, FRAMES_UNTIL)}]

    GIVEN["west"] = frame(2.0).to_dict("records")
    assert made(room, instance, "regions", partition_key="west").success
    (again,) = asked()
    again["dagster/sensor_name"] = sensor.name
    assert made(room, instance, "shop/raw/regions", tags=again).success
    assert [price for _, price in rows(lake, regions)] == ["1.00", "2.00"]
    assert asked() == []


def test_asset_that_the_room_does_not_make_is_refused(lake: Lake) -> None:
    """With those that it makes."""
    own = dg.Definitions(assets=[asset_for(quotes, FIND)], resources={"lake": settled(lake)})
    with pytest.raises(InvalidDeclarationError, match="captures the asset quotes") as refused:
        together(own, {"m": dg.Definitions(assets=[dg.AssetSpec("quote")])}, (quotes,), FIND)
    assert refused.value.next.endswith("the room's plain assets are `quote`")
    with pytest.raises(InvalidDeclarationError, match="names no asset"):
        DagsterAsset(key="crm/")
