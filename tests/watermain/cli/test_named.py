"""A dataset is found by its name, whole or short."""

from __future__ import annotations

import pytest

from watermain.cli.named import named, nearest
from watermain.declare.errors import UnknownDatasetError, UnknownFeatureError


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("operations.curated.flights", "operations.curated.flights"),
        ("prediction.features.airport_delay", "prediction.features.airport_delay_v2"),
        ("prediction.features.airport_delay@2", "prediction.features.airport_delay_v2"),
        ("prediction.features.airport_delay_v2", "prediction.features.airport_delay_v2"),
    ],
)
def test_short_name_of_a_feature_table_means_what_readers_get(said: str, meant: str) -> None:
    """The version may be left out, or be said either way."""
    assert str(named(said).name) == meant


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("flights", "`operations.curated.flights`, `operations.raw.flights`"),
        ("flihgts", "`operations.curated.flights`, `operations.raw.flights`"),
        ("operations.cooked.flights", "`operations.curated.flights`, `operations.raw.flights`"),
        ("zzzz", "watermain list"),
    ],
)
def test_word_that_is_no_name_is_told_with_the_nearest(
    home: object, said: str, wanted: str
) -> None:
    """Four lines, whose last has the names that were meant."""
    with pytest.raises(UnknownDatasetError, match="is no name of a dataset") as caught:
        named(said)
    assert wanted in caught.value.next
    assert len(str(caught.value).splitlines()) == 4


def test_feature_table_that_is_not_there_is_told_with_the_nearest() -> None:
    """As it is where features are asked for."""
    with pytest.raises(UnknownFeatureError, match="no feature table") as caught:
        named("prediction.features.airport_dely")
    assert "`prediction.features.airport_delay`" in caught.value.next


def test_nearest_names_share_the_last_word_first() -> None:
    """What comes before is often left out."""
    names = ["a.raw.orders", "b.curated.orders", "b.curated.order_lines"]
    assert nearest("orders", names) == ["a.raw.orders", "b.curated.orders"]
    assert nearest("ordrs", names) == names
    assert nearest("nothing", names) == []
