"""A stream that takes up changed code, unless it does not load."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from textwrap import dedent

import pytest

PROGRAM = """
import sys, threading, time
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from watermain.cli.run import renewal
began = time.time_ns()
try:
    import room
    broken = frozenset()
except SyntaxError:
    broken = frozenset(["odd"])
if "--check" in sys.argv:
    print(*broken)
    sys.exit()
print("runs", "broken" if broken else room.WORD, flush=True)
renewal.LOOK_SECONDS = 0.05
stop = threading.Event()
roots = [Path(sys.argv[1]), *([Path(sys.argv[1]) / "room.py"] if broken else [])]
watch = renewal.Renewal(roots=roots, began_ns=began, stop=stop,
                        tell=lambda t: print(t, flush=True), broken=broken)
watch.start()
stop.wait(120)
if watch.is_due:
    watch.begin_anew()
"""


class Child:
    """A process that looks at a room of one file."""

    def __init__(self, folder: Path, text: str) -> None:
        self.room, program = folder / "room.py", folder / "program.py"
        self.edit(text)
        program.write_text(dedent(PROGRAM))
        time.sleep(0.01)  # written before it is loaded
        self.process = subprocess.Popen(
            [sys.executable, "-B", str(program), str(folder)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def edit(self, text: str) -> None:
        """Write the room anew, so that nobody reads half of it."""
        beside = self.room.with_suffix(".txt")
        beside.write_text(text)
        beside.rename(self.room)

    def says(self) -> str:
        """The next line."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()


@pytest.mark.timeout(240)
def test_changed_code_is_taken_up_once_it_loads(tmp_path: Path) -> None:
    """The same process goes on with the new code; with code that does not load it keeps the old."""
    child = Child(tmp_path, "WORD = 'one'")
    try:
        assert child.says() == "runs one"
        child.edit("WORD = 'two'  # changed")
        assert [child.says(), child.says()] == ["room.py changed; it begins anew", "runs two"]
        child.edit("WORD = ")
        assert child.says() == "odd changed but does not load; it goes on as is"
        child.edit("WORD = 'three'  # mended")
        assert [child.says(), child.says()] == ["room.py changed; it begins anew", "runs three"]
        assert child.process.poll() is None
    finally:
        child.process.kill()
        child.process.communicate()


@pytest.mark.timeout(240)
def test_code_that_did_not_load_at_first_is_taken_up_once_it_does(tmp_path: Path) -> None:
    """Its files are looked at, though none was loaded."""
    child = Child(tmp_path, "WORD = ")
    try:
        assert child.says() == "runs broken"
        child.edit("WORD = 'mended'")
        assert [child.says(), child.says()] == ["room.py changed; it begins anew", "runs mended"]
    finally:
        child.process.kill()
        child.process.communicate()
