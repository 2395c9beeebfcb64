"""A row that was put aside is read as a whole, what is wrong in it first."""

from __future__ import annotations

import json
from dataclasses import replace

from platform_assets.operations.raw import airline_contacts as contacts
from tests.watermain.engine.publish.test_publish import sales
from watermain.cli.look.masking import lines, shown

RUN = "237ef447-43dd-41f4-8b9d-483f271b7806"
ROW = {
    "partition": "2013-01-03",
    "position": "4",
    "reason": "breaks between_amount",
    "rule": "between_amount",
    "contract_version": "1.0.0",
    "run_id": RUN,
}


def test_whole_payload_is_shown_with_the_broken_column_first() -> None:
    """Whatever its length; the others follow as they came."""
    payload = {"id": "x" * 200, "amount": -4, "of": None}
    told = lines(shown(sales, {**ROW, "payload": json.dumps(payload)}))
    assert told == [
        "2013-01-03  4",
        "  why       breaks between_amount",
        "  by        run 237ef447, contract 1.0.0",
        "  > amount  -4",
        f"    id      {'x' * 200}",
        "    of      null",
    ]


def test_position_in_a_file_has_the_name_of_the_file() -> None:
    """Though the row's own columns tell it; what is sensitive stays hidden."""
    payload = json.dumps({"email": "chen", "_file": "contacts.csv", "_row": 4})
    dropped = replace(contacts, description="dropped")
    row = shown(dropped, {**ROW, "reason": "its `email` is odd", "payload": payload})
    assert row["position"] == "contacts.csv:4"
    assert "  > email  ***" in lines(row)
    assert "chen" not in "".join(lines(row))


def test_text_that_is_no_object_stands_on_one_line() -> None:
    """The line break of a header is no row; one in the middle is shown."""
    row = {**ROW, "partition": None, "position": "a.csv", "payload": "faa,na\nme\r\n"}
    assert lines(shown(sales, row)) == [
        "a.csv",
        "  why       breaks between_amount",
        "  by        run 237ef447, contract 1.0.0",
        "  payload   faa,na\\nme",
    ]
