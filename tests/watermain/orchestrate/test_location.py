"""What a room says of its inputs in vain is refused when it loads."""

from __future__ import annotations

from datetime import date

import pytest

from tests.watermain.engine.plan.world import made, source
from watermain.declare import Daily
from watermain.declare.cadence import Cadence
from watermain.declare.errors import InvalidDeclarationError
from watermain.orchestrate.location import refuse_vain_refresh

DAYS = Daily(start=date(2026, 3, 1))


@pytest.mark.parametrize("word", ["open", "new"])
@pytest.mark.parametrize(("reader", "read"), [(DAYS, DAYS), (None, None), (None, DAYS)])
def test_refresh_where_nobody_asks_is_refused(
    word: str, reader: Cadence | None, read: Cadence | None
) -> None:
    """Partitions that read partitions know by their versions what concerns them."""
    sums = made("shop.curated.sums", reader, {"shop.raw.sales": {"refresh": word}})
    with pytest.raises(InvalidDeclarationError, match=f"with refresh '{word}'") as refused:
        refuse_vain_refresh(sums, source("shop.raw.sales", read))
    assert refused.value.next.startswith("leave `refresh` out")


@pytest.mark.parametrize("word", ["all", "open", "new"])
def test_refresh_of_a_whole_table_is_taken(word: str) -> None:
    """A partitioned reader says what the news of a table without partitions concern."""
    sums = made("shop.curated.sums", DAYS, {"shop.raw.tariffs": {"refresh": word}})
    refuse_vain_refresh(sums, source("shop.raw.tariffs", None))
