"""Errors that tell what broke, where it is declared, the state of the data, what to run next."""

from __future__ import annotations

from typing import Self

MOST_NAMES = 100
# The states of the data that recur.
UNTOUCHED = "nothing was read or written"
UNREAD = "nothing was read; what the lake has committed stands"
UNPUBLISHED = "not published; what readers had stands as it was"


class WatermainError(Exception):
    """Stop with four lines: what, declared where, state of the data and next command.

    Guarantees: `str(error)` is exactly four lines, and the attributes carry the same four facts.
    """

    def __init__(self, what: str, *, declared: str, data: str, next: str) -> None:
        self.what, self.declared, self.data, self.next = what, declared, data, next
        super().__init__(f"{what}\n  declared  {declared}\n  data      {data}\n  next      {next}")

    @classmethod
    def nothing_happened(cls, what: str, *, declared: str, next: str) -> Self:
        """The error of what is refused before anything was touched."""
        return cls(what, declared=declared, data=UNTOUCHED, next=next)

    @classmethod
    def nothing_read(cls, what: str, *, declared: str, next: str) -> Self:
        """The error of a source that gave no rows this time."""
        return cls(what, declared=declared, data=UNREAD, next=next)

    @classmethod
    def not_published(cls, what: str, *, declared: str, next: str) -> Self:
        """The error of rows that were computed, or were about to be, and kept from readers."""
        return cls(what, declared=declared, data=UNPUBLISHED, next=next)


class TransientError(WatermainError):
    """Fail now, but the same call may succeed later without any change."""


class TerminalError(WatermainError):
    """Fail until somebody changes a declaration, a setting or the data."""


class ContradictoryContractError(TerminalError):
    """Reject a contract that cannot be true of any table."""


class UnknownDatasetError(TerminalError):
    """Reject a dataset name that nothing declares."""


class UnknownConnectionError(TerminalError):
    """Reject a connection that nobody declares, or that leads to another kind of system."""


class UnknownSnapshotError(TerminalError):
    """Reject a snapshot that the lake never had, or has no more."""


class UnknownRunError(TerminalError):
    """Reject what begins the id of no run, or of several."""


class UnknownFeatureError(TerminalError):
    """Reject a reference to a feature, a version or a feature table that nothing declares."""


class TrainingSetError(TerminalError):
    """Refuse a spine that features cannot be joined to, or a manifest that cannot be repeated."""


class InvalidCadenceError(TerminalError):
    """Reject a cadence that names no real calendar."""


class InvalidPartitionError(TerminalError):
    """Reject a partition key outside its cadence."""


class InvalidDeclarationError(TerminalError):
    """Reject a declaration whose words do not fit together."""


class TooLargeError(TerminalError):
    """Refuse what is more than may be done without being asked for."""


class BrokenContractError(TerminalError):
    """Refuse to publish rows that break their contract."""


class BrokenBodyError(TerminalError):
    """Report a body that raised instead of handing back its rows."""


class MissingSettingError(TerminalError):
    """Refuse to start without a setting, naming its variable."""


class MissingExtraError(TerminalError):
    """Refuse to open what needs a part of the installation that is not there, naming it."""


class InvalidProjectError(TerminalError):
    """Report a project that is not there, or whose settings cannot be honoured."""


class OtherReleaseError(TerminalError):
    """Report a data folder that another release of the platform writes."""


class OtherLakeError(TerminalError):
    """Refuse settings that lead to another lake than the data folder's."""


class LostFileError(TerminalError):
    """Report a file of the lake that its store no longer has."""


class UnreachableSystemError(TransientError):
    """Report a system outside that does not answer."""


class ExpiredCredentialError(TransientError):
    """Report a credential that a system outside refuses, until it is rotated."""


class InconsistentAnswerError(TransientError):
    """Report a system outside whose answers contradict each other."""


class DiskFullError(TransientError):
    """Report a disk without room for the data of this batch."""


class BrokenEngineError(TransientError):
    """Report an engine that ended itself; the next one is opened anew."""


class LostLeaseError(TransientError):
    """Refuse the commit of a writer whose lease moved on."""


class LostRowsError(TransientError):
    """Report an online store that lost rows, or was begun anew, while it was filled."""


class BranchError(TerminalError):
    """Refuse what a branch of the lake cannot be asked for."""


class ChangedRowsError(TerminalError):
    """Refuse to write rows again that would not be the same afterwards."""


class UnreadableRowsError(TerminalError):
    """Report published rows that an older release kept where they cannot be read back."""


class DamagedDataError(TerminalError):
    """Refuse data files whose bytes are not those that were written."""


class LedgerGapError(TerminalError):
    """Refuse a batch that does not start where the ledger ends."""


class SourceError(TerminalError):
    """Report a source that cannot be read as declared."""


class DriftError(TerminalError):
    """Refuse a batch of a source whose columns are not those of a frozen contract."""


class BrokenReleaseError(TerminalError):
    """Refuse code that breaks a released contract without a new version and a migration."""


class UnmetNeedError(TerminalError):
    """Refuse a reader that relies on what its producer does not promise."""


class UnknownRevisionError(TerminalError):
    """Report a commit of the repository that nothing can be compared with."""


class UnreadableContractError(TerminalError):
    """Report a contract, a suite or a schema of another tool that cannot be read."""


class BrokenRoomError(TerminalError):
    """Report a room whose code does not load, or refuse what only that code could do."""


class BrokenModelError(TerminalError):
    """Refuse to build a dbt model that is wrong, or that reads one."""


def quoted(names: object) -> str:
    """List right answers for an error message, sorted; of very many only the first."""
    listed = sorted(str(n) for n in names)  # type: ignore[attr-defined]
    more = f", {len(listed) - MOST_NAMES} more" if len(listed) > MOST_NAMES else ""
    return ", ".join(f"`{name}`" for name in listed[:MOST_NAMES]) + more
