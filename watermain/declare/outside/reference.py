"""References that stand for secrets wherever something is declared."""

from __future__ import annotations

import re

from watermain.declare.errors import InvalidDeclarationError

_REFERENCE = re.compile(r"env:[A-Za-z_]\w*|file:\.?/.+|vault:[^#\s]+#[^#\s]+")


def proved_reference(reference: str, word: str) -> str:
    """Give the reference back, proved to name a secret rather than to be one.

    Raises: InvalidDeclarationError, without the text, which may be a secret.
    """
    if not _REFERENCE.fullmatch(reference):
        raise InvalidDeclarationError(
            f"{word}: the secret is not given as a reference",
            declared=word,
            data="nothing was read",
            next="use one of `env:NAME`, `file:/path`, `file:./path`, `vault:path#field`",
        )
    return reference
