"""Figures of fewer datasets, where there are too many for a scrape."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TypeVar

from watermain.observe.export.figures import AllFigures, CaptureFigures, LakeFigures, PromiseFigures

# The most that a dataset has of each kind, and what the platform has beside its datasets.
OF_A_PROMISE = 32
OF_A_TABLE, OF_A_CAPTURE = 6, 5
RESERVED = 500
CAUSES_OF_OTHERS = 200  # datasets that suffer, and have no other series
Kind = PromiseFigures | LakeFigures | CaptureFigures
Every = TypeVar("Every", PromiseFigures, LakeFigures, CaptureFigures)


def folded(figures: AllFigures, most: int) -> tuple[AllFigures, int]:
    """The figures of as many datasets as fit, with how many were left out.

    Guarantees: what is missing now stays first, then promises by their tier, then what the lake
    holds; among equals the name decides, so that two scrapes leave out the same.
    """
    room = most - RESERVED
    promises, room = _fitting(sorted(figures.promises, key=_urgency), OF_A_PROMISE, room)
    captures, room = _fitting(sorted(figures.captures, key=_name), OF_A_CAPTURE, room)
    lake, room = _fitting(sorted(figures.lake, key=_name), OF_A_TABLE, room)
    kept = _names((*promises, *captures, *lake))
    every = _names((*figures.promises, *figures.captures, *figures.lake))
    partly = _names(figures.promises) - _names(promises)
    partly |= _names(figures.captures) - _names(captures)
    partly |= _names(figures.lake) - _names(lake)
    causes = figures.alerts.causes
    named = [*sorted(set(causes) & kept), *sorted(set(causes) - kept)[:CAUSES_OF_OTHERS]]
    alerts = replace(figures.alerts, causes={name: causes[name] for name in named})
    left_out = len(partly | (every - kept))
    return replace(
        figures, promises=promises, captures=captures, lake=lake, alerts=alerts
    ), left_out


def _fitting(found: list[Every], series: int, room: int) -> tuple[tuple[Every, ...], int]:
    count = min(len(found), max(0, room) // series)
    return tuple(found[:count]), room - count * series


def _urgency(each: PromiseFigures) -> tuple[bool, int, str]:
    return (not each.is_missing, each.tier, str(each.dataset))


def _name(each: Kind) -> str:
    return str(each.dataset)


def _names(found: Iterable[Kind]) -> set[str]:
    return {str(each.dataset) for each in found}
