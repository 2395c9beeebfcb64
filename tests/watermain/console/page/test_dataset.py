"""The page of one dataset, in parts."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.watermain.console.seeded import SeededPlatform
from tests.watermain.engine.promise.promises import june
from watermain.console.page.dataset import dataset, judged_checks
from watermain.console.page.datasets import PER_PAGE, Wish, datasets
from watermain.console.rooms import ToldCheck
from watermain.declare.name import DatasetName
from watermain.lake.lake import Lake
from watermain.settings import load_settings

NOW = june(20, 12)
CHECK = ToldCheck(name="between_fee", column="fee", blocks=True)


@pytest.fixture
def seeded(home: Path, lake: Lake) -> SeededPlatform:
    """A platform in trouble."""
    made = SeededPlatform(home, str(load_settings().postgres), NOW)
    made.judged()
    made.troubled()
    return made


def found(failing: str | None) -> list[int | None]:
    """What checks found in a publish that broke so many rows."""
    return [each["failing"] for each in judged_checks([CHECK], [{"failing": failing}])]


def test_check_that_did_not_run_has_found_nothing_out() -> None:
    """Nothing was published, or an older release kept no count: no zero stands for that."""
    assert [each["failing"] for each in judged_checks([CHECK], [])] == [None]
    assert found(None) == [None]


def test_rows_that_break_a_check_are_counted() -> None:
    """Those of checks that come with the contract, too."""
    assert found("{}") == [0]
    assert found('{"between_fee": 3}') == [3]
    assert found('{"unique_key_id": 2}') == [0, 2]


def test_dataset_is_told_with_its_trouble(seeded: SeededPlatform) -> None:
    """Alert, incident, what was tried, and the pages to read about each."""
    told = dataset(seeded.sight(), DatasetName.parse("operations.curated.late_fees"))
    assert told is not None
    assert [alert.severity for alert in told["alerts"]] == ["page"]
    assert [incident.number for incident in told["incidents"]] == [1]
    assert [page for page, _ in told["runbooks"]] == ["partitions-are-late", "partitions-held-back"]
    assert told["stands"].state == "burning"


def test_runbooks_are_pages_of_this_repository(seeded: SeededPlatform) -> None:
    """Every page that is named is there."""
    from watermain.console.page.dataset import LATE, PAGES
    from watermain.settings import project

    for page in (LATE, *PAGES.values()):
        assert (project().root / "docs" / "runbooks" / f"{page}.md").is_file()


def test_dataset_without_trouble_has_none(seeded: SeededPlatform) -> None:
    """What is wrong with others is not its own."""
    told = dataset(seeded.sight(), DatasetName.parse("operations.curated.fees"))
    assert told is not None
    assert (told["alerts"], told["incidents"], told["tries"]) == ([], [], [])
    assert dataset(seeded.sight(), DatasetName.parse("weather.raw.x")) is None


def test_list_is_cut_into_pages(seeded: SeededPlatform) -> None:
    """A page that there is not is the nearest one."""
    sight = seeded.sight()
    for page in (-3, 0, 1, 2, 10**6):
        listed = datasets(sight, Wish(page=page))
        assert (listed["page"], listed["pages"], len(listed["lines"])) == (1, 1, 5)
    assert PER_PAGE >= 5
    assert datasets(sight, Wish(word="LATE"))["count"] == 1
    assert datasets(sight, Wish(state="no promise"))["count"] == 2
