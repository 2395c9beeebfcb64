"""The position of what is handed over whole: a number that grows, with a print of the content."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import pyarrow as pa

from watermain.declare.errors import SourceError
from watermain.source.content import content_hash

MOST_STATE = 256 * 2**10  # letters; the ledger keeps one of them for each batch
_DIGEST = 32


@dataclass(frozen=True)
class Handover:
    """What was handed over last: its number, the print of its rows, and the state after it.

    Guarantees: two of one number and of one print are the same, so that their batches are, too.
    """

    number: int = 0
    content: str = ""
    state: str = ""

    @classmethod
    def parse(cls, position: str) -> Handover:
        """Read what the ledger holds; nothing is the beginning."""
        if not position:
            return cls()
        number, _, rest = position.partition(":")
        content, _, state = rest.partition(":")
        return cls(int(number), content, state)

    def __str__(self) -> str:
        if not self.number:
            return ""
        return f"{self.number}:{self.content}" + (f":{self.state}" if self.state else "")

    def following(self, content: str, state: str = "") -> Handover:
        """What comes next.

        Raises: SourceError, for a state that no ledger should hold.
        """
        if len(state) > MOST_STATE:
            raise SourceError.nothing_read(
                f"the source's state has {len(state):,} letters, {MOST_STATE:,} at most",
                declared="watermain/source/brought/handover.py",
                next="keep less in it, such as an incremental without a list of keys",
            )
        return Handover(self.number + 1, content, state)


def print_of(rows: pa.Table, rejected: pa.Table) -> str:
    """What stands for rows of text, those that could not be read among them."""
    told = hashlib.sha256(content_hash(rows.schema, rows.to_batches()).encode())
    told.update(content_hash(rejected.schema, rejected.to_batches()).encode())
    return told.hexdigest()[:_DIGEST]
