"""Delivery by a process that ends, or is ended."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.watermain.observe.sink import Sink
from tests.watermain.observe.trouble import NOON, late
from watermain.declare.connection.notifier import NotifierConnection
from watermain.lake.lake import Lake
from watermain.observe.alert.alert import Sighting
from watermain.observe.alert.book import AlertBook
from watermain.observe.alert.cause import Lineage
from watermain.observe.alert.handed import handed
from watermain.observe.alert.policy import HOUR
from watermain.observe.alert.step import AlertStep, notifiers

NOTIFIERS = """
from watermain import AlertmanagerConnection, NotifierConnection

pager = NotifierConnection("pager", address="json://127.0.0.1:{port}")
"""


@pytest.fixture
def company(lake: Lake, received: Sink, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a notifier, for which a page lies in the outbox."""
    root = tmp_path / "company"
    (root / "resources").mkdir(parents=True)
    (root / "pyproject.toml").write_text('[tool.watermain]\nrooms = "rooms"\n')
    (root / "resources" / "__init__.py").write_text("")
    text = NOTIFIERS.format(port=received.port)
    (root / "resources" / "notifiers.py").write_text(text)
    words = notifiers({"pager": NotifierConnection("pager", address=received.by_apprise)})
    step = AlertStep(AlertBook(lake.dsn()), Lineage({}), words, {})
    for at in (NOON, NOON + HOUR):
        step.decide(Sighting(at=at, signals=(late("orders", at),)))
    assert received.posted == []
    monkeypatch.setenv("WATERMAIN_PROJECT", str(root))
    monkeypatch.chdir(root)
    return root


@pytest.mark.usefixtures("company")
def test_process_that_is_killed_leaves_the_rest_to_the_next(
    received: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before it was sent nothing is doubled; afterwards it goes again under the same id, marked."""
    for place in ("deliver.after_taken_before_sent", "deliver.after_sent_before_noted"):
        monkeypatch.setenv("WATERMAIN_FAILPOINT", f"{place}=kill")
        assert handed(NOON + HOUR).failed == ("the process that delivers ended with -9",)
    assert len(received.posted) == 1
    monkeypatch.delenv("WATERMAIN_FAILPOINT")
    assert handed(NOON + HOUR).sent == 1
    assert handed(NOON + HOUR).sent == 0
    assert len(set(received.ids())) == 1
    assert received.posted[1][1]["message"].endswith("sent before, too, perhaps")


def test_trouble_of_the_process_is_told(company: Path, received: Sink) -> None:
    """What is told lies in the outbox until it is over."""
    file = company / "resources" / "notifiers.py"
    text = file.read_text()
    file.write_text("raise ValueError")
    (why,) = handed(NOON + HOUR).failed
    assert why.startswith("resources.notifiers cannot be imported: ValueError")
    file.write_text(text)
    received.status = 503
    (why,) = handed(NOON + HOUR).failed
    assert why.startswith("the notifier `pager` did not take an alert")
    received.status = 200
    assert handed(NOON + 2 * HOUR).sent == 1
