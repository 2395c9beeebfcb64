"""A shop's books in plain Python: what each command must lead to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import md5
from typing import Any, NamedTuple

RAW = "till.raw.sales"
NAMES = ("till.curated.receipts", "till.curated.sales")
DAYS = ("2013-01-01", "2013-01-02", "2013-01-03", "2013-01-04")
EARLY = DAYS[0]  # capture's calendar begins after it
HIGH = 500
Picture = tuple[tuple[str, str, str], ...]
Aside = tuple[str, str, str, int]


class Sale(NamedTuple):
    """A row as it arrives; its amount may be no number."""

    id: str
    day: str
    amount: str


class Rule(NamedTuple):
    """A version of the declaration: amounts below `low` go aside, all are taken times `factor`."""

    low: int = 0
    factor: int = 1


STRICT = Rule()


@dataclass(frozen=True, kw_only=True)
class Act:
    """One command with what it is told."""

    word: str
    name: str = ""
    rule: Rule = STRICT
    branch: str = ""
    snapshot: int = 0
    days: tuple[str, str] = (DAYS[0], DAYS[-1])
    sales: tuple[Sale, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Part:
    """One version of one partition: rows read, rows published, rows put aside."""

    version: tuple[Rule, int]
    rows_in: int
    rows: Mapping[str, int]
    aside: Mapping[str, int]

    @property
    def blocked(self) -> bool:
        """Whether a check that blocks refuses it."""
        return any(amount > HIGH for amount in self.rows.values())

    @property
    def counts(self) -> tuple[int, int, int]:
        """What the ledger must say of it."""
        return self.rows_in, len(self.rows), len(self.aside)


Parts = dict[str, dict[str, Part]]


class RefusedError(Exception):
    """The command must end with the declared error of this name."""


@dataclass
class Book:
    """Everything that arrived, how it stands, what is published; a branch is a book, too.

    Shapes: `log` holds each sale with its state; `touched` counts what changed each raw day;
    `base` is what a branch began with, `built` what it published.
    """

    log: list[tuple[Sale, str]] = field(default_factory=list)
    touched: Counter[str] = field(default_factory=Counter)
    parts: Parts = field(default_factory=lambda: {name: {} for name in NAMES})
    discarded: set[Aside] = field(default_factory=set)
    snapshots: dict[int, Parts] = field(default_factory=dict)
    branches: dict[str, Book] = field(default_factory=dict)
    base: Parts = field(default_factory=dict)
    built: dict[str, set[str]] = field(default_factory=dict)

    def follow(self, act: Act) -> tuple[str, list[Picture]]:
        """Do a command; give the error that it must end with, the pictures that it passes."""
        passed, said = [self.picture], ""
        try:
            for _ in COMMANDS[act.word](self, act):
                passed.append(self.picture)
        except RefusedError as refused:
            said = str(refused)
        return said, passed

    @property
    def picture(self) -> Picture:
        """What a reader sees of every partition that holds rows."""
        return tuple(
            (name, day, digest(part.rows))
            for name in NAMES
            for day, part in sorted(self.parts[name].items())
            if part.rows
        )

    @property
    def open(self) -> list[tuple[str, str, str, str]]:
        """Rows that wait: dataset, partition, key, amount."""
        raw = [(RAW, "", s.id, s.amount) for s, state in self.log if state == "open"]
        computed = [(n, day, key, str(amount)) for n, day, key, amount in self._waiting()]
        return sorted(raw + computed)

    @property
    def verdicts(self) -> Counter[tuple[str, str]]:
        """How many rows were decided about, by dataset, by verdict."""
        raw = Counter((RAW, state) for _, state in self.log if state in ("replayed", "discarded"))
        return raw + Counter((name, "discarded") for name, *_ in self.discarded)

    @property
    def raw(self) -> Counter[Sale]:
        """The captured rows that readers see."""
        return Counter(sale for sale, state in self.log if state in ("kept", "replayed"))

    def differs(self, found: Mapping[str, Any]) -> list[str]:
        """Everything in which a lake is not as written here."""
        wanted = {
            "picture": self.picture,
            "open rows": Counter(self.open),
            "verdicts": self.verdicts,
            "raw rows": self.raw,
            "raw ledger": Counter({d: n for d, n in self._of_days().items() if n}),
            "branches": sorted(self.branches),
        }
        wrong = [
            f"{what}: {_told(given, found[what])}"
            for what, given in wanted.items()
            if given != found[what]
        ]
        said = {(n, d): p.counts for n, days in self.parts.items() for d, p in days.items()}
        return wrong + [
            f"ledger of {key}: {counts}, not {said.get(key, (0, 0, 0))}"
            for key, counts in found["ledger"].items()
            if counts != said.get(key, (0, 0, 0))
        ]

    def _of_days(self) -> Counter[str]:
        return Counter({day: self._read(day) for day in DAYS})

    def _read(self, day: str) -> int:
        return sum(n for sale, n in self.raw.items() if sale.day == day)

    def _waiting(self, name: str = "") -> list[Aside]:
        every = [
            (n, day, key, amount)
            for n, days in self.parts.items()
            for day, part in days.items()
            for key, amount in part.aside.items()
            if name in ("", n)
        ]
        return [each for each in every if each not in self.discarded]

    def _computed(self, day: str, rule: Rule) -> Part:
        """The latest of each sale, none of nothing; what is too low goes aside."""
        latest = {
            s.id: int(s.amount)
            for s, state in self.log
            if s.day == day and state in ("kept", "replayed")
        }
        worth = {key: amount * rule.factor for key, amount in latest.items() if amount}
        return Part(
            version=(rule, self.touched[day]),
            rows_in=self._read(day),
            rows={k: n for k, n in worth.items() if n >= rule.low},
            aside={k: n for k, n in worth.items() if n < rule.low},
        )

    def _arrive(self, act: Act) -> Iterator[None]:
        """What does not fit the contract of capture waits."""
        fits = [s.day != EARLY and s.amount.lstrip("-").isdigit() for s in act.sales]
        for sale, fit in zip(act.sales, fits, strict=True):
            self.log.append((sale, "kept" if fit else "open"))
        self.touched.update({s.day for s, fit in zip(act.sales, fits, strict=True) if fit})
        yield

    def _retype(self, act: Act) -> Iterator[None]:
        """Rows of the first day fit the contract of today; what is no number never does."""
        fit = [n == "open" and s.amount.lstrip("-").isdigit() for s, n in self.log]
        self.touched.update({s.day for (s, _), f in zip(self.log, fit, strict=True) if f})
        pairs = zip(self.log, fit, strict=True)
        self.log = [(s, "replayed" if f else state) for (s, state), f in pairs]
        yield

    def _publish(self, act: Act) -> Iterator[None]:
        if not act.branch:
            yield from self._published(act, DAYS[_place(act.days[0]) : _place(act.days[1]) + 1])
            return
        beside = self.branches[act.branch]
        before = dict(beside.parts[act.name])
        for _ in beside._publish(Act(word="publish", name=act.name, rule=act.rule, days=act.days)):
            pass
        now = beside.parts[act.name]
        beside.built.setdefault(act.name, set()).update(
            day for day in now if now[day] is not before.get(day)
        )

    def _published(
        self, act: Act, days: tuple[str, ...], *, rebuild: bool = False
    ) -> Iterator[None]:
        """All at once, or run by run between those that are blocked."""
        wanted = {day: self._computed(day, act.rule) for day in days}
        stands = self.parts[act.name]
        stale = [
            d for d in days if rebuild or d not in stands or stands[d].version != wanted[d].version
        ]
        if not stale:
            return
        changed = days[days.index(stale[0]) : days.index(stale[-1]) + 1]
        runs: list[list[str]] = [[]]
        for day in changed:
            runs += [[]] if wanted[day].blocked else []
            runs[-1] += [] if wanted[day].blocked else [day]
        for run in filter(None, runs):
            stands.update({day: wanted[day] for day in run})
            yield

    def _replay(self, act: Act) -> Iterator[None]:
        for day in sorted({day for _, day, *_ in self._waiting(act.name)}):
            yield from self._published(act, (day,), rebuild=True)

    def _discard(self, act: Act) -> Iterator[None]:
        if act.name == RAW:
            self.log = [(s, "discarded" if state == "open" else state) for s, state in self.log]
        else:
            self.discarded.update(each for each in self._waiting(act.name))
        yield

    def _create(self, act: Act) -> Iterator[None]:
        parts, base = ({n: dict(days) for n, days in self.parts.items()} for _ in range(2))
        made = Book(log=list(self.log), touched=Counter(self.touched), parts=parts, base=base)
        self.branches[act.branch] = made
        yield

    def _promote(self, act: Act) -> Iterator[None]:
        """Nothing is promoted over what moved to another version meanwhile."""
        beside = self.branches[act.branch]
        built = [(name, day) for name, days in beside.built.items() for day in days]
        if not built:
            raise RefusedError("BranchError")
        for name, day in built:
            now = _version(self.parts, name, day)
            if now not in (_version(beside.base, name, day), _version(beside.parts, name, day)):
                raise RefusedError("LostLeaseError")
        for name, day in built:
            self.parts[name][day] = beside.parts[name][day]
        yield

    def _drop(self, act: Act) -> Iterator[None]:
        del self.branches[act.branch]
        yield

    def _roll_back(self, act: Act) -> Iterator[None]:
        self.parts[act.name] = dict(self.snapshots[act.snapshot][act.name])
        yield

    def remember(self, snapshot: int) -> None:
        """Keep what stands now as that snapshot."""
        self.snapshots[snapshot] = {name: dict(days) for name, days in self.parts.items()}


COMMANDS: dict[str, Callable[[Book, Act], Iterator[None]]] = {
    "arrive": Book._arrive,
    "publish": Book._publish,
    "replay": Book._replay,
    "retype": Book._retype,
    "discard": Book._discard,
    "create": Book._create,
    "promote": Book._promote,
    "drop": Book._drop,
    "rollback": Book._roll_back,
}


def digest(rows: Mapping[str, int]) -> str:
    """A fingerprint of rows, such as the lake itself can compute."""
    text = ",".join(f"{key}={amount}" for key, amount in sorted(rows.items()))
    return md5(text.encode(), usedforsecurity=False).hexdigest()


def _place(day: str) -> int:
    return DAYS.index(day)


def _version(parts: Parts, name: str, day: str) -> tuple[Rule, int] | None:
    part = parts[name].get(day)
    return part and part.version


def _told(wanted: Any, found: Any) -> str:
    if isinstance(wanted, Counter):
        return f"missing {dict(wanted - found)}, too many {dict(found - wanted)}"
    return f"found {found}, not {wanted}"
