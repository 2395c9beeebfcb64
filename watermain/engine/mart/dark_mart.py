"""A mart that cannot be built: it keeps its name, its promise, the reason."""

from __future__ import annotations

from typing import Any

from watermain.declare.body.mart import Mart
from watermain.declare.cadence import Cadence
from watermain.declare.contract import Column, Contract
from watermain.declare.dataset import Dataset
from watermain.declare.errors import WatermainError
from watermain.declare.name import DatasetName
from watermain.engine.release.release import path_of, read_texts


def dark(
    name: DatasetName,
    error: WatermainError,
    *,
    contract: Contract | None = None,
    owner: str | None = None,
    cadence: Cadence | None = None,
) -> Dataset:
    """Declare a mart that is wrong; whoever builds it is told why.

    Its contract is the one that its model says, else the one that was released: nobody is to take
    it for a dataset that ended.
    """

    def body(**_: Any) -> Any:
        raise error

    promised = contract or _released(name)
    return Dataset(
        name=name,
        contract=promised or _unknown(),
        owner=owner or f"team:{name.team}",
        declared=error.declared,
        description=f"It cannot be built. {error}",
        cadence=cadence if promised and promised.event_time else None,
        body=body,
        mart=Mart(sql="select null", broken=str(error)),
    )


def _released(name: DatasetName) -> Contract | None:
    path = path_of(name)
    if not path.exists():
        return None
    texts = {f"contracts/{name.team}/{path.name}": path.read_text(encoding="utf-8")}
    return read_texts(texts)[name].contract


def _unknown() -> Contract:
    import pyarrow as pa

    column = Column("unknown", pa.string(), "its model tells of no column that can be read")
    return Contract(grain="unknown", key=("unknown",), version="0.0.0", columns=(column,))
