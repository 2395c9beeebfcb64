"""The ways in which data fail, with what has to come of each."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from watermain.declare.errors import InvalidDeclarationError, quoted
from watermain.engine.promise.signal import Severity

# Within which people have to be told; what they were not told in a while longer is called unseen.
SEEN_WITHIN: dict[Severity, timedelta] = {
    "page": timedelta(minutes=2),
    "ticket": timedelta(minutes=15),
}
PATIENCE: dict[Severity, timedelta] = {
    "page": timedelta(minutes=5),
    "ticket": timedelta(minutes=12),
}
Outcome = Literal["as expected", "otherwise", "not detected", "not provoked"]


@dataclass(frozen=True, kw_only=True)
class Failure:
    """One way in which data fail.

    Shapes: `table` begins the name of the dataset that an alert has to name, `promises` are what
    may be found broken. `provoked` and `mended` say what is done, `runbook` what is run. `stands`
    says why the alert goes on although its cause is gone, where it does so for longer than a game
    day lasts: its end is not awaited then.
    """

    code: str
    title: str
    table: str
    promises: tuple[str, ...]
    severity: Severity
    runbook: str
    provoked: str
    mended: str
    owner: str = "team:harbour"
    stands: str = ""

    def dataset(self, number: int) -> str:
        """The dataset that fails the nth time."""
        return f"{self.table}_{number}"


@dataclass(frozen=True, kw_only=True)
class Provoked:
    """What was done, since when it is wrong, and of which partition."""

    at: datetime
    partition: str | None = None


@dataclass(frozen=True, kw_only=True)
class FailureSeen:
    """What came of one failure.

    Shapes: instants are None where nothing of the kind happened. `rule`, `severity` and `owner` are
    the alert's, `mitigation` what was run of a runbook, each with its exit code, `others` the
    alerts that named what was provoked otherwise than was expected.
    """

    failure: Failure
    number: int
    provoked: Provoked | None = None
    told_at: datetime | None = None
    promise: str = ""
    rule: str = ""
    severity: str = ""
    owner: str = ""
    told: str = ""
    mitigation: tuple[tuple[str, int], ...] = ()
    mended_at: datetime | None = None
    fixed_at: datetime | None = None
    proof: str = ""
    trouble: str = ""
    others: tuple[str, ...] = field(default=())

    @property
    def detection(self) -> timedelta | None:
        """From when it was wrong to when people were told."""
        if self.provoked is None or self.told_at is None:
            return None
        return self.told_at - self.provoked.at

    @property
    def recovery(self) -> timedelta | None:
        """From when it was mended to when people were told that it is over."""
        if self.mended_at is None or self.fixed_at is None:
            return None
        return self.fixed_at - self.mended_at

    @property
    def wrong(self) -> list[str]:
        """What was not as it had to be."""
        if self.provoked is None:
            return [f"it could not be provoked: {self.trouble}"]
        if self.detection is None:
            return [f"nobody was told within {PATIENCE[self.failure.severity].seconds} s"]
        wanted, found = self.failure, list[str]()
        if self.promise not in wanted.promises:
            found.append(f"told as `{self.promise}`, not as one of {quoted(wanted.promises)}")
        if self.severity != wanted.severity:
            found.append(f"a {self.severity or 'nothing'}, not a {wanted.severity}")
        if self.owner != wanted.owner:
            found.append(f"its owner is {self.owner or 'nobody'}, not {wanted.owner}")
        if self.detection > SEEN_WITHIN[wanted.severity]:
            found.append(f"told after {self.detection.total_seconds():.0f} s")
        if self.fixed_at is None and not wanted.stands:
            found.append("it was never told to be over")
        found += [f"`{words}` ended with {code}" for words, code in self.mitigation if code]
        return found + ([self.trouble] if self.trouble else [])

    @property
    def outcome(self) -> Outcome:
        """How it stands against what was expected."""
        if self.provoked is None:
            return "not provoked"
        if self.told_at is None:
            return "not detected"
        return "otherwise" if self.wrong else "as expected"


_ALL = (
    Failure(
        code="F1",
        title="late arrivals",
        table="harbour.raw.late",
        promises=("on_time",),
        severity="page",
        runbook="partitions-are-late",
        provoked="a partner sends no file of an hour that is due",
        mended="the partner sends it",
    ),
    Failure(
        code="F2",
        title="schema drift",
        table="customs.raw.drifted",
        promises=("drift", "schema"),
        severity="ticket",
        owner="team:customs",
        runbook="unknown-columns",
        provoked="a partner's file has a column that nobody agreed on",
        mended="the contract learns the column",
    ),
    Failure(
        code="F3",
        title="silent data loss",
        table="harbour.raw.thinned",
        promises=("completeness",),
        severity="ticket",
        runbook="unusual-volume",
        provoked="of the day before, a partner sends three rows of ten, without an error",
        mended="the partner sends the others",
    ),
    Failure(
        code="F4",
        title="cost surge",
        table="harbour.curated.dear",
        promises=("cost",),
        severity="ticket",
        runbook="work-costs-too-much",
        provoked="a row arrives that makes a table of seconds one of two minutes; its past of eight"
        " cheap hours was written into the ledger beforehand",
        mended="the row is taken back",
        stands="the hour in which it was dear has to pass",
    ),
    Failure(
        code="F5",
        title="duplicate events",
        table="harbour.raw.doubled",
        promises=("duplicate_rate",),
        severity="ticket",
        runbook="rows-come-again",
        provoked="a partner sends sixty rows of the hundred once more, in another file",
        mended="the partner goes on with rows that are new",
    ),
    Failure(
        code="F6",
        title="processing backlog",
        table="harbour.raw.piled",
        promises=("backlog",),
        severity="ticket",
        runbook="work-piles-up",
        provoked="three files a second come that have waited for eleven minutes elsewhere",
        mended="the line is quick again",
    ),
    Failure(
        code="F7",
        title="access violation",
        table="harbour.raw.asked",
        promises=("access",),
        severity="page",
        runbook="access-is-refused",
        provoked="somebody asks five times for unmasked rows and gives no reason",
        mended="nobody asks any more",
        stands="no refusal may be younger than a quarter of an hour",
    ),
    Failure(
        code="F8",
        title="data skew",
        table="harbour.curated.heavy",
        promises=("skew",),
        severity="ticket",
        runbook="a-partition-takes-too-long",
        provoked="one hour gets a ship whose weighing takes 35 s, its siblings none",
        mended="the ship is taken back",
    ),
    Failure(
        code="F9",
        title="silent schema incompatibility",
        table="customs.raw.agreed",
        promises=("schema_compatibility",),
        severity="ticket",
        owner="team:customs",
        runbook="a-contract-breaks-its-readers",
        provoked="a room loses a column of a released contract, without a new version",
        mended="the column comes back",
    ),
    Failure(
        code="F10",
        title="secret expiry",
        table="harbour.raw.guarded",
        promises=("secret",),
        severity="page",
        runbook="a-credential-is-refused",
        provoked="a service no longer takes the token",
        mended="the token is rotated where its reference points",
    ),
)
FAILURES = {each.code: each for each in _ALL}


def chosen(codes: list[str]) -> list[Failure]:
    """The failures of some codes, in the order of the list; all of them without any.

    Raises: InvalidDeclarationError, listing the right codes.
    """
    wanted = {code.upper() for code in codes}
    if wrong := sorted(wanted - FAILURES.keys()):
        raise InvalidDeclarationError.nothing_happened(
            f"there is no failure `{wrong[0][:80]}`",
            declared="watermain gameday FAILURES",
            next=f"use some of {', '.join(f'`{code}`' for code in FAILURES)}",
        )
    return [each for code, each in FAILURES.items() if not wanted or code in wanted]
