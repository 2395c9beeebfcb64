"""Logs that stay within a size while their writers go on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from watermain.process.rotation import rotate, rotate_logs

WRITER = """
import sys
for number in range(2000):
    print(f"line {number:05d}", flush=True)
    if number == 999:
        sys.stdin.readline()
"""


def test_a_short_log_stays(tmp_path: Path) -> None:
    log = tmp_path / "web.log"
    log.write_text("short\n")
    assert not rotate(log, 100)
    assert [p.name for p in tmp_path.iterdir()] == ["web.log"]


def test_a_writer_goes_on_at_the_beginning(tmp_path: Path) -> None:
    """Nothing is lost of a writer that pauses, and the new file has no hole in it."""
    log = tmp_path / "daemon.log"
    with log.open("ab") as output:
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER], stdin=subprocess.PIPE, stdout=output
        )
    while log.stat().st_size < 11_000:
        pass
    assert rotate(log, 10_000)
    assert log.stat().st_size == 0
    writer.communicate(b"on\n")
    former = (tmp_path / "daemon.log.1").read_text().splitlines()
    present = log.read_text().splitlines()
    assert former == [f"line {n:05d}" for n in range(1000)]
    assert present == [f"line {n:05d}" for n in range(1000, 2000)]


def test_one_former_file_is_kept_for_its_owner_alone(tmp_path: Path) -> None:
    log = tmp_path / "web.log"
    for text in ("first" * 10, "second" * 10):
        log.write_text(text)
        assert rotate(log, 10)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["web.log", "web.log.1"]
    assert (tmp_path / "web.log.1").read_text() == "second" * 10
    assert os.stat(tmp_path / "web.log.1").st_mode & 0o777 == 0o600


def test_every_log_of_a_data_folder_is_looked_at(tmp_path: Path) -> None:
    for name in ("logs/web.log", "logs/tend.log", "postgres/server.log"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("long" * 10)
    (tmp_path / "logs/short.log").write_text("s")
    (tmp_path / "lake.json").write_text("long" * 10)
    found = [str(p.relative_to(tmp_path)) for p in rotate_logs(tmp_path, 10)]
    assert found == ["logs/tend.log", "logs/web.log", "postgres/server.log"]
    assert rotate_logs(tmp_path, 10) == []
