"""Options of a command, grouped into value objects."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from functools import update_wrapper
from inspect import Parameter, signature
from typing import Any, get_type_hints


def spread(command: Callable[..., None]) -> Callable[..., None]:
    """Let a command take each field of the value objects that it asks for as an option of its own.

    Shapes: the fields of such a dataclass are annotated as options are, and have defaults.
    """
    hints = get_type_hints(command, include_extras=True)
    groups: dict[str, Any] = {name: kind for name, kind in hints.items() if is_dataclass(kind)}
    told: list[Parameter] = []
    for each in signature(command).parameters.values():
        options = _options(groups[each.name]) if each.name in groups else None
        told += options or [each.replace(annotation=hints[each.name])]

    def call(**words: Any) -> None:
        given = dict(words)
        for name, kind in groups.items():
            given[name] = kind(**{f.name: given.pop(f.name) for f in fields(kind)})
        command(**given)

    update_wrapper(call, command)
    del call.__wrapped__  # type: ignore[attr-defined]
    call.__signature__ = signature(command).replace(parameters=told)  # type: ignore[attr-defined]
    call.__annotations__ = {p.name: p.annotation for p in told}
    return call


def _options(kind: Any) -> list[Parameter]:
    hints = get_type_hints(kind, include_extras=True)
    return [
        Parameter(
            field.name,
            Parameter.KEYWORD_ONLY,
            default=Parameter.empty if field.default is MISSING else field.default,
            annotation=hints[field.name],
        )
        for field in fields(kind)
    ]
