"""Credentials that end soon, while there is time to renew them."""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from watermain.declare.connection.connection import Connection, Tls, references_in
from watermain.declare.errors import WatermainError
from watermain.declare.name import DatasetName
from watermain.declare.wording import lasting
from watermain.engine.promise.signal import Signal
from watermain.observe.watch.alike import so_do
from watermain.observe.watch.asked import LookAnswer, answer_facts, question_asked
from watermain.observe.watch.gravity import Gravity
from watermain.observe.watch.watching import Looked

PROMISE = "expiry"
AHEAD, SHARE = timedelta(days=14), 5  # or a fifth of how long it holds, where that is less
GRAVE = timedelta(days=1)
SHORT = timedelta(days=1)  # what holds no longer is renewed by a machine, hour by hour


@dataclass(frozen=True, kw_only=True)
class Ending:
    """What proves us to a source, or a source to us, and when it ends.

    Shapes: `what` is a path or a reference, never the secret; `begins_at` is None where that is
    not told.
    """

    what: str
    ends_at: datetime
    begins_at: datetime | None = None

    def is_near(self, now: datetime) -> bool:
        """Whether it is time to renew it."""
        whole = None if self.begins_at is None else self.ends_at - self.begins_at
        if whole is not None and whole <= SHORT:
            return False
        return self.ends_at - now <= (AHEAD if whole is None else min(AHEAD, whole / SHARE))


def expiring(
    found: Mapping[Ending, Iterable[DatasetName]], gravity: Gravity, now: datetime
) -> Iterator[Signal]:
    """What ends soon, told of the first dataset that needs it, with the names of the others.

    Guarantees: a ticket, but for its last day: from then on it is as grave as what it brings.
    """
    told = dict[DatasetName, Signal]()
    for each, names in sorted(found.items(), key=lambda pair: (pair[0].ends_at, pair[0].what)):
        first, *others = sorted(names)
        if not each.is_near(now) or first in told:
            continue
        left = each.ends_at - now
        ends = "ended at" if left <= timedelta(0) else f"ends in {lasting(_hours(left))}, at"
        told[first] = Signal(
            dataset=first,
            promise=PROMISE,
            severity=gravity.gravest([first, *others]) if left <= GRAVE else "ticket",
            rule="ends within a fortnight, or a fifth of its time",
            told=f"`{each.what}` {ends} {each.ends_at:%Y-%m-%d %H:%M} UTC{so_do(others)}",
            at=now,
            is_alone=True,
        )
    yield from told.values()


def certificates(path: Path) -> Iterator[Ending]:
    """The certificates of a PEM file; none where there is no such file, or it is none.

    Guarantees: of several with one end there is one, and what is broken is no matter of time.
    """
    from cryptography import x509  # slow to import

    try:
        found = x509.load_pem_x509_certificates(path.read_bytes())
    except (OSError, ValueError):
        return
    for each in found:
        yield Ending(
            what=str(path),
            ends_at=each.not_valid_after_utc,
            begins_at=each.not_valid_before_utc,
        )


def token(reference: str, secret: str) -> Ending | None:
    """When a secret ends that is a JSON web token and says so; its signature is not proved."""
    parts = secret.split(".")
    if len(parts) != 3:
        return None
    try:
        told = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        ends_at = datetime.fromtimestamp(told["exp"], UTC)
        begun = told.get("nbf", told.get("iat"))
        begins_at = None if begun is None else datetime.fromtimestamp(begun, UTC)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, OSError):
        return None
    return Ending(what=reference, ends_at=ends_at, begins_at=begins_at)


def look(now: datetime) -> Looked:
    """Ask of everything that sources are opened with when it ends.

    Raises: InvalidDeclarationError, where the connections cannot be read.
    """
    from watermain.engine.rooms.connections import connections
    from watermain.engine.rooms.declared import teams
    from watermain.engine.rooms.promises import promises
    from watermain.observe.watch.declared import declared
    from watermain.secrets import Secrets
    from watermain.settings import load_settings

    settings, words = load_settings(), connections()
    secrets, needed = Secrets(settings), dict[Ending, set[DatasetName]]()
    for name, facts in declared(settings.home, teams()).items():
        leant_on = [words[each] for each in facts.opens if each in words]
        references = {*facts.secrets, *(r for each in leant_on for r in references_in(each))}
        endings = [e for each in leant_on for path in _files(each) for e in certificates(path)]
        endings += [e for each in references if (e := _token(secrets, each)) is not None]
        for each in endings:
            needed.setdefault(each, set()).add(name)
    gravity = Gravity(promises(settings.home, teams()))
    return Looked.of(PROMISE, tuple(expiring(needed, gravity, now)))


def _token(secrets: Any, reference: str) -> Ending | None:
    """What a secret says of itself; one that cannot be read is told of by who needs it."""
    try:
        return token(reference, secrets.read(reference).get_secret_value())
    except WatermainError:
        return None


def _files(connection: Connection) -> Iterator[Path]:
    """The certificates that a connection is opened with."""
    for each in fields(connection):
        value = getattr(connection, each.name)
        if isinstance(value, Tls):
            yield from (Path(path) for name, path in value.files.items() if name != "key")


def _hours(left: timedelta) -> timedelta:
    """Whole days of what is left; whole hours of the last two days."""
    unit = timedelta(days=1) if left >= timedelta(days=2) else timedelta(hours=1)
    return max(left // unit, 1) * unit


def main() -> None:
    """Print one look."""
    try:
        found = look(question_asked().at)
    except WatermainError as error:
        sys.exit(str(error))
    json.dump(answer_facts(LookAnswer(found)), sys.stdout)


if __name__ == "__main__":
    main()
