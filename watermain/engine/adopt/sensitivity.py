"""What a column would reveal, proposed by its name with a sample of its values."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import pyarrow as pa

from watermain.declare.contract import Column, Sensitivity
from watermain.engine.adopt.rows import Rows
from watermain.lake.lake import quote

SAMPLE_ROWS = 2_000
_SHARE = 0.5  # of the sampled values that look alike
_PARTS = r"(^|_){}(_|$)"
_BY_NAME: Sequence[tuple[Sensitivity, re.Pattern[str]]] = tuple(
    (kind, re.compile(_PARTS.format(f"({words})")))
    for kind, words in (
        (
            Sensitivity.SECRET,
            "passwords?|passwd|pwd|secrets?|tokens?|api_?keys?|private_?key|pin|cvv|cvc"
            "|credentials?|ssn|social_security(_number)?",
        ),
        (
            Sensitivity.PERSONAL,
            "e_?mails?|mail|phone(_?n(o|umber|r))?|mobile|telephone|tel|fax|first_?name|last_?name"
            "|full_?name|sur_?name|given_?name|family_?name|birth_?(date|day|name|place)|dob"
            "|address|street|post_?code|zip(_?code)?|iban|bic|card_?(no|number|nr)?|credit_?card"
            "|account_?(no|number)|passport(_?no)?|tax_?id|ip(_?addr(ess)?)?|user_?agent|gender"
            "|religion|ethnicity|nationality|latitude|longitude|license_?plate",
        ),
    )
)
_BY_VALUE: Mapping[str, re.Pattern[str]] = {
    "email addresses": re.compile(r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}"),
    "account numbers": re.compile(r"[A-Z]{2}\d{2}( ?[A-Z0-9]{4}){3,7}( ?[A-Z0-9]{1,3})?"),
    "phone numbers": re.compile(r"\+\d[\d ()/.-]{6,20}\d"),
    "addresses of computers": re.compile(r"(\d{1,3}\.){3}\d{1,3}"),
    "card numbers": re.compile(r"(\d{4}[ -]?){3}\d{1,7}"),
}


def by_name(name: str) -> Sensitivity | None:
    """What a column's name says of it; None where it says nothing."""
    word = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    return next((kind for kind, pattern in _BY_NAME if pattern.search(word)), None)


def by_values(values: Sequence[str]) -> str:
    """What half of the values look like; empty where they look like nothing in particular."""
    held = [value.strip() for value in values if value and value.strip()]
    for what, pattern in _BY_VALUE.items():
        if held and sum(1 for v in held if pattern.fullmatch(v)) >= _SHARE * len(held):
            return what
    return ""


def proposed(rows: Rows, columns: Sequence[Column]) -> dict[str, tuple[Sensitivity, str]]:
    """The columns that should be masked, each with the reason; values are looked at, not kept."""
    found = {c.name: (kind, "by its name") for c in columns if (kind := by_name(c.name))}
    texts = [c.name for c in columns if pa.types.is_string(c.type) and c.name not in found]
    if texts:
        asked = ", ".join(map(quote, texts))
        sample = rows.asked(f"select {asked} from rows limit {SAMPLE_ROWS}")
        for n, name in enumerate(texts):
            if what := by_values([row[n] for row in sample]):
                found[name] = (Sensitivity.PERSONAL, f"it holds {what}")
    return found
