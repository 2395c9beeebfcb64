"""Partitions that a blocking check refused, remembered so that nobody asks for them in vain."""

from __future__ import annotations

from watermain.engine.publish.attempt import Attempt, Attempts
from watermain.engine.publish.decision import Decision, Work
from watermain.engine.publish.publication import Outcome, Publication
from watermain.engine.table.reads import plain


def remember_refused(work: Work, decision: Decision, done: Publication) -> None:
    """Remember which versions were refused, and by which checks; a branch has no planner."""
    refused = [o for o in done.outcomes if o.blocked]
    if not refused or work.job.lake.branch:
        return
    now = work.job.clock.now()
    Attempts(work.job.lake.dsn()).write(
        {
            (work.dataset.name, o.partition): Attempt(
                wanted=plain(decision.wanted[o.partition]),
                tries=1,
                state="held",
                why=f"refused by {_checks(o)}",
                run=work.job.run_id,
                at=now,
            )
            for o in refused
        }
    )


def _checks(outcome: Outcome) -> str:
    """The checks that refused a partition, each with the rows that break it."""
    return ", ".join(
        f"{f.check} ({f.failing} of {f.rows} rows)" for f in outcome.findings if f.blocks
    )
