"""A contract as it is released: what readers are promised, without how it is kept."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from watermain.declare.cadence import Cadence
from watermain.declare.check import Check
from watermain.declare.contract import Contract
from watermain.declare.dataset import Dataset
from watermain.declare.slo import Slo
from watermain.engine.feature.feature_version import definition


@dataclass(frozen=True, kw_only=True)
class Released:
    """What a dataset promises; `notes` tells what of a foreign document could not be kept.

    Guarantees: equal promises compare equal, in whatever order their checks were declared.
    """

    name: str
    contract: Contract
    owner: str
    description: str = ""
    checks: tuple[Check, ...] = ()
    cadence: Cadence | None = None
    slo: Slo | None = None
    is_captured: bool = False
    definition: str = ""
    notes: tuple[str, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "checks", tuple(sorted(self.checks, key=repr)))


def released(dataset: Dataset) -> Released:
    """What a declared dataset promises."""
    return replace(promise(dataset), definition=definition(dataset))


def promise(dataset: Dataset) -> Released:
    """What a declared dataset promises, but for the definition of a feature, which is code."""
    return Released(
        name=str(dataset.name),
        contract=dataset.contract,
        owner=dataset.owner,
        description=dataset.description,
        checks=dataset.checks,
        cadence=dataset.cadence,
        slo=dataset.slo,
        is_captured=not dataset.is_computed,
    )
