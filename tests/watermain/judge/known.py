"""In what we differ from stock dbt, with the reason; `docs/guides/dbt-differs.md` says the same."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Known:
    """One way in which we differ, in these projects.

    Shapes: `pattern` is looked for in the line of a difference with what we said of its node.
    """

    projects: tuple[str, ...]
    pattern: str
    reason: str

    def explains(self, line: str, said: str) -> bool:
        """Whether a difference is this one."""
        return re.search(self.pattern, f"{line}\n{said}") is not None


KNOWN = (
    Known(
        projects=("starter",),
        pattern="is a table of stock alone\\n.*rows break `not_null_id`",
        reason="A table whose test of severity `error` fails is not shown to anybody.",
    ),
    Known(
        projects=("metrics",),
        pattern="says `date_spine`, which asks the database while it is compiled",
        reason="A macro that asks the database while it is compiled is refused.",
    ),
    Known(
        projects=("subscriptions", "sushi"),
        pattern="^model (util_months|waiters) is named by stock alone",
        reason="An ephemeral model is a part of the SQL of what reads it, and no dataset.",
    ),
    Known(
        projects=("subscriptions",),
        pattern="^unit_test ",
        reason="Unit tests run in `watermain test`, which no publish needs.",
    ),
)


def unexplained(project: str, found: dict[str, str]) -> list[str]:
    """Differences that are not known, and known ones that are none any more."""
    known = [k for k in KNOWN if project in k.projects]
    fresh = [
        f"{line}\n    {said}"
        for line, said in found.items()
        if not any(k.explains(line, said) for k in known)
    ]
    gone = [
        f"no difference is like {k.pattern!r} any more"
        for k in known
        if not any(k.explains(line, said) for line, said in found.items())
    ]
    return fresh + gone
