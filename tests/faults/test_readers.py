"""A reader beside publishes sees whole versions only."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.campaign import PUBLISH
from tests.faults.stage import DAYS, Stage

BEFORE = [p for p in PUBLISH if p != "publish.after_commit"]


@pytest.mark.slow
def test_reader_never_sees_a_partial_partition(stage: Stage, rows: int, tmp_path: Path) -> None:
    """Publishes go on, also killed ones; every picture is one version, whole, in order."""
    stage.rows = rows
    until = tmp_path / "enough"
    reader = stage.start("watch", given={"until": str(until)})
    for place in PUBLISH:
        stage.arrive()
        assert stage.run("publish", failpoint=f"{place}=kill", at="publish").killed
        assert set(stage.run("publish").results["publish"]) in (set(), set(DAYS))
    until.touch()
    pictures = reader.wait().results["watch"]
    whole = [tuple(stage.picture(version)) for version in range(1, stage.version + 1)]
    first = [(day, 100, 100, 1, 1) for day, *_ in stage.picture(1)]
    assert set(pictures) <= {*whole, tuple(first)}
    assert len(pictures) > 1
    assert stage.seen() == stage.picture(stage.version)


@pytest.mark.parametrize("place", BEFORE)
def test_reader_sees_the_old_version_until_the_commit(stage: Stage, place: str) -> None:
    """A publish that stands still anywhere before its commit is invisible."""
    writer = stage.start("publish", failpoint=f"{place}=pause", at="publish")
    assert writer.stopped()
    assert stage.seen() == stage.picture(1)
    writer.resume()
    assert len(writer.wait().results["publish"]) == 3
    assert stage.seen() == stage.picture(2)
