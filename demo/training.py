"""`python -m demo train`: the model of delays, honest, then as a leak would flatter it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from demo.calendar import FIRST_DAY
from demo.options import DAY, Common, taking
from demo.screen import report
from watermain.settings import load_settings

LEAK = timedelta(hours=1)  # after the departure: what happened is known, and so is the answer


@dataclass(frozen=True, kw_only=True)
class TrainOptions(Common):
    """The options of `train`."""

    first: Annotated[
        datetime | None, typer.Option(formats=DAY, help="The first day; else the folder's second.")
    ] = None
    last: Annotated[
        datetime | None, typer.Option(formats=DAY, help="The last day; else the folder's 31st.")
    ] = None
    manifest: Annotated[
        Path | None, typer.Option(help="Train again from exactly what this file pins.")
    ] = None

    @property
    def days(self) -> tuple[date, date]:
        """Return the days to learn from, which are those that the features are held against."""
        since = load_settings().data_since or FIRST_DAY
        first = self.first.date() if self.first else since + timedelta(days=1)
        return first, self.last.date() if self.last else since + timedelta(days=30)


@taking(TrainOptions)
def train(options: TrainOptions) -> None:
    """Train a model of departure delays from a pinned frame; show what a leak would pretend."""
    from demo import delay_model

    pinned = delay_model.load(options.manifest) if options.manifest else None
    days = options.days
    spine = delay_model.flights(*days, snapshot=pinned.snapshot if pinned else None)
    honest = delay_model.train(spine, as_of=pinned)
    at = honest.manifest.snapshot
    leaky = delay_model.train(delay_model.flights(*days, seen=LEAK, snapshot=at), as_of=at)
    kept = options.manifest or options.folder / "models" / "departure_delay.json"
    if pinned is None:
        delay_model.save(honest.manifest, kept)
    report(
        {**delay_model.told(honest), "leaky_auc": round(leaky.auc, 6), "manifest": str(kept)},
        f"AUC {honest.auc:.4f} on {honest.judged:,} flights it never saw, {honest.learnt:,} learnt;"
        f" a frame that leaks would pretend {leaky.auc:.4f}\n"
        f"pinned to snapshot {at}: python -m demo train --manifest {kept}",
        as_json=options.as_json,
    )
