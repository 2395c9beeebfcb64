"""The exit codes that scripts can trust."""

from __future__ import annotations

from watermain.declare.errors import (
    DiskFullError,
    InvalidDeclarationError,
    InvalidPartitionError,
    InvalidProjectError,
    MissingExtraError,
    MissingSettingError,
    OtherLakeError,
    OtherReleaseError,
    UnknownDatasetError,
    UnknownFeatureError,
    UnknownRunError,
    UnknownSnapshotError,
    UnreachableSystemError,
    WatermainError,
)

FAILED = 1  # data was refused or the work failed
WRONG_USE = 2  # the command or its arguments are wrong
MISUSES = (
    InvalidDeclarationError,
    InvalidPartitionError,
    InvalidProjectError,
    MissingExtraError,
    MissingSettingError,
    OtherLakeError,
    OtherReleaseError,
    UnknownDatasetError,
    UnknownFeatureError,
    UnknownRunError,
    UnknownSnapshotError,
)
UNREACHABLE = 3  # something outside does not answer


def exit_code(error: WatermainError) -> int:
    """The exit code for an error of ours."""
    if isinstance(error, UnreachableSystemError | DiskFullError):
        return UNREACHABLE
    return WRONG_USE if isinstance(error, MISUSES) else FAILED
