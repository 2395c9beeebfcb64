"""Planted mistakes are found by the same oracle that finds nothing otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest

from resources.postgres import EmbeddedPostgres
from tests.faults import crew
from tests.faults.campaign import RECOVERY, world
from tests.faults.stage import Stage
from tests.faults.zombies import TWINS, zombies

PLANTS = (
    ("acknowledge_before_commit", "ingest.before_transaction", "is acknowledged up to"),
    ("ledger_outside_the_transaction", "ingest.after_commit", "raw: "),
    ("skip_a_batch", "ingest.before_acknowledge", "raw: "),
    ("repeat_a_batch", "ingest.before_acknowledge", "raw: "),
)


@pytest.mark.parametrize("defect", [None, *(plant for plant, _, _ in PLANTS)])
def test_oracle_finds_a_defect_of_capture(
    tmp_path: Path, postgres: EmbeddedPostgres, defect: str | None
) -> None:
    """One kill where it hurts is enough; the same kills without a defect are judged well."""
    expected = {plant: (place, says) for plant, place, says in PLANTS}
    with world(postgres, tmp_path, seed=11) as made:
        assert made.judged(made.order(*RECOVERY))[0] == []
        made.defect = defect
        for place, says in [expected[defect]] if defect else expected.values():
            made.generator.write(12)
            killed = crew.run(made.order("capture", failpoint=f"{place}=kill", at="capture"))
            assert killed.killed
            standing = made.judged(made.order("standing", "inspect"))[0]
            wrong = made.judged(made.order(*RECOVERY))[0]
            found = [each for each in [*standing, *wrong] if says in each]
            early = [each for each in standing if "acknowledged" in each]
            assert (bool(found), bool(wrong or early)) == (
                (True, True) if defect else (bool(found), False)
            )


def test_oracle_finds_a_commit_without_its_epoch(stage: Stage) -> None:
    """Without the fence a zombie commits beside its successor."""
    assert zombies(stage, TWINS[:1], nth=2, defect="no_epoch_check") == ["committed"]


def test_reader_finds_a_publish_without_its_transaction(stage: Stage) -> None:
    """Rows that are visible before the commit are seen."""
    writer = stage.start(
        "publish",
        failpoint="publish.after_stage=pause",
        at="publish",
        defect="no_transaction",
    )
    assert writer.stopped()
    assert stage.seen() != stage.picture(1)
    writer.kill()
    assert writer.wait().killed
