"""How a contract bounds its quarantine."""

from __future__ import annotations

import pytest

from watermain.declare import Quarantine
from watermain.declare.errors import InvalidDeclarationError


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ({"limit": -1}, "a quarantine limit of -1 is neither rows nor a share"),
        ({"limit": 1.5}, "a quarantine limit of 1.5 is neither rows nor a share"),
        ({"keep_days": 0}, "rows in quarantine cannot be kept for 0 days"),
    ],
)
def test_words_that_mean_nothing_are_refused(words: dict[str, float], told: str) -> None:
    with pytest.raises(InvalidDeclarationError) as found:
        Quarantine(**words)  # type: ignore[arg-type]
    assert found.value.what == told


def test_rows_are_kept_for_ever_unless_said_otherwise() -> None:
    assert Quarantine().keep_days is None
    assert Quarantine(keep_days=90).keep_days == 90
