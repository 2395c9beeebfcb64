"""Link headers are read as RFC 8288 says, or told to be none."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watermain.source.rest.link_header import following

NEXT = "https://api/v1/things?p=2"


@pytest.mark.parametrize(
    ("headers", "target"),
    [
        ([f'<{NEXT}>; rel="next"'], NEXT),
        ([f"<{NEXT}>; rel=next"], NEXT),
        ([f'<{NEXT}>; rel="next last"'], NEXT),
        ([f'<{NEXT}>; rel="last next"'], NEXT),
        ([f'<{NEXT}>; rel="NEXT"'], NEXT),
        ([f'<{NEXT}>; REL="Next"'], NEXT),
        ([f"<{NEXT}>;rel=next"], NEXT),
        ([f'<{NEXT}> ; rel = "next"'], NEXT),
        ([f'< {NEXT} >; rel="next"'], NEXT),
        ([f'<{NEXT}>; title="a, b; rel=prev"; rel="next"'], NEXT),
        ([f'<{NEXT}>; title="say \\"next\\""; rel=next'], NEXT),
        ([f'<{NEXT}>; rel="next"; rel="prev"'], NEXT),
        ([f'<{NEXT}>; rel="prev"; rel="next"'], None),
        ([f'<{NEXT}>; rel="next"; anchor="#other"'], None),
        ([f'<{NEXT}>; rel="next-archive"'], None),
        ([f'<{NEXT}>; rel="http://example.org/next"'], None),
        ([f'<{NEXT}>; title="next"'], None),
        ([f'<{NEXT}>; rel="next";'], NEXT),
        ([f'<{NEXT}>; crossorigin; rel="next"'], NEXT),
        ([f'</v1?p=1>; rel="prev", <{NEXT}>; rel="next", </v1?p=9>; rel=last'], NEXT),
        ([f',, </v1?p=1>; rel="prev" ,, <{NEXT}>; rel="next" ,'], NEXT),
        (['</v1?p=1>; rel="prev"', f'<{NEXT}>; rel="next"'], NEXT),
        ([f'<{NEXT}>; rel="next"', f'<{NEXT}>; rel="next"'], NEXT),
        (["</v1?a=1,2;3>; rel=next"], "/v1?a=1,2;3"),
        (["<>; rel=next"], ""),
        (['<?p=2>; rel="next"'], "?p=2"),
        ([f"<{NEXT}>"], None),
        ([""], None),
        ([], None),
    ],
)
def test_next_is_found_however_it_is_spelled(headers: list[str], target: str | None) -> None:
    """Relation types, names of parameters in any case; quotes, commas, semicolons in place."""
    assert following(headers) == target


@pytest.mark.parametrize(
    ("headers", "says"),
    [
        (["https://api/v1; rel=next"], "no list of links"),
        ([f'<{NEXT}; rel="next"'], "no list of links"),
        ([f'<{NEXT}>; rel="next'], "no list of links"),
        ([f"<{NEXT}> rel=next"], "no list of links"),
        ([f"<{NEXT}>; rel=next last"], "no list of links"),
        ([f'<{NEXT}>; rel="next", <https://api/v1?p=3>; rel="next"'], "two next pages"),
        ([f'<{NEXT}>; rel="next"', '<https://api/v1?p=3>; rel="next"'], "two next pages"),
    ],
)
def test_header_that_cannot_be_read_is_told(headers: list[str], says: str) -> None:
    """It may hold the next page: to go on without it would lose that page."""
    with pytest.raises(ValueError, match=says):
        following(headers)


@given(st.lists(st.text(alphabet='<>;,="\\ relnxtab', max_size=40), max_size=3))
def test_no_header_does_more_than_that(headers: list[str]) -> None:
    """Whatever comes, it is read or told."""
    with suppress(ValueError):
        found = following(headers)
        assert found is None or any(f"<{found}>" in h.replace(" ", "") for h in headers)
