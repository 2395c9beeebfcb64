"""A full disk is told in four lines, leaves everything as it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.stage import Stage


def refused(stage: Stage, error: tuple[str, str]) -> None:
    """The disk is named as the cause; nothing of the new version is visible."""
    name, message = error
    assert name == "DiskFullError"
    assert "no space left on the device that holds the lake" in message
    assert len(message.splitlines()) == 4
    assert stage.seen() == stage.picture(1)


def test_publish_tells_of_a_full_disk(stage: Stage) -> None:
    """The disk is full when the new files are flushed; with room a retry publishes."""
    ended = stage.run("publish", failpoint="publish.before_sync=enospc", at="publish")
    refused(stage, ended.error)
    assert len(stage.run("publish").results["publish"]) == 3
    assert stage.seen() == stage.picture(2)


def test_capture_tells_of_a_full_disk(empty: Stage) -> None:
    """Neither rows nor position of a batch stay when the disk fills up."""
    empty.arrive()
    with pytest.raises(AssertionError, match="no space left on the device"):
        empty.arrive(failpoint="publish.before_sync=enospc", at="capture")
    assert empty.version == 1
    empty.arrive()
    assert len(empty.run("publish").results["publish"]) == 3
    assert empty.seen() == empty.picture(2)


def test_publish_survives_a_disk_that_really_fills_up(empty: Stage, tmp_path: Path) -> None:
    """A disk of 64 kB under the dataset's folder, where the kernel lets a test mount one.

    Where it does not, the worker says so and publishes as ever: that is asserted instead.
    """
    empty.rows = 20_000
    empty.arrive()
    folder = tmp_path / "lake" / "factory_curated" / "pieces"
    ended = empty.run("publish", small=str(folder), small_bytes=65536)
    assert ended.reply is not None
    if ended.reply.results["small"]:
        name, message = ended.error
        assert name == "DiskFullError"
        assert len(message.splitlines()) == 4
        assert empty.seen() == []
        assert len(empty.run("publish").results["publish"]) == 3
    else:
        assert ended.reply.error is None
    assert empty.seen() == empty.picture(1)
