"""The dataset that somebody names."""

from __future__ import annotations

import difflib

from watermain.declare.dataset import Dataset
from watermain.declare.errors import InvalidDeclarationError, UnknownDatasetError, quoted
from watermain.declare.feature_ref import STAGE, resolve
from watermain.declare.name import DatasetName
from watermain.engine.rooms.declared import feature_tables, teams
from watermain.engine.rooms.directory import everything, find, trouble
from watermain.settings import project


def named(text: str) -> Dataset:
    """The dataset of that name; of a feature table the name without its version will do.

    Shapes: `prediction.features.airport_delay` is the version that readers get, and with `@2`
    behind it that version.
    Raises: UnknownDatasetError or UnknownFeatureError, listing the nearest names.
    """
    words = text.split(".")
    if len(words) == 3 and words[1] == STAGE:
        tables, why = feature_tables(), trouble(words[0]) if words[0] in teams() else None
        if why is not None and not any(name.team == words[0] for name in tables):
            raise why  # and what it declared is not known either
        whole = [d for d in tables.values() if str(d.name) == text]
        return whole[0] if whole else resolve([text], tables)[0].dataset
    try:
        name = DatasetName.parse(text)
    except InvalidDeclarationError:
        raise _unknown(text, [str(n) for n in everything()]) from None
    return find(name)


def nearest(word: str, names: list[str]) -> list[str]:
    """The names that are like a word, or whose last part is; none where nothing is like it."""
    last = word.rpartition(".")[2]
    same = [n for n in names if n.rpartition(".")[2] == last]
    parts = {n.rpartition(".")[2] for n in names}
    near = difflib.get_close_matches(last, parts, n=3, cutoff=0.6)
    like = [n for n in names if n.rpartition(".")[2] in near]
    return same or difflib.get_close_matches(word, names, n=3, cutoff=0.6) or like


def _unknown(text: str, names: list[str]) -> UnknownDatasetError:
    near = nearest(text, names)
    return UnknownDatasetError.nothing_happened(
        f"`{text[:200]}` is no name of a dataset, which is `team.stage.table`",
        declared=f"{project().rooms}/",
        next=f"use one of {quoted(near)}" if near else "watermain list",
    )
