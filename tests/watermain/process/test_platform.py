"""What every service of the platform is started with."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from watermain.process.platform import CONSOLE, DAEMON, SERVE, STREAM, TEND, WARM, WEB, Services
from watermain.settings import Settings, child_environment

UNTOLD = 0
HEAPS_OF_BUSY_THREADS = """
import ctypes, sys, threading
libc = ctypes.CDLL(None)
if not hasattr(libc, "malloc_info"):
    sys.exit()
libc.malloc.restype, libc.fopen.restype = ctypes.c_void_p, ctypes.c_void_p
met = threading.Barrier(5)
def work():
    libc.malloc(100_000)
    met.wait()
for _ in range(4):
    threading.Thread(target=work).start()
met.wait()
out = ctypes.c_void_p(libc.fopen(b"/dev/stdout", b"w"))
libc.malloc_info(0, out)
libc.fclose(out)
"""


@pytest.mark.parametrize("name", [WARM, WEB, DAEMON, STREAM, SERVE, CONSOLE, TEND])
def test_service_has_one_heap_for_all_its_threads(tmp_path: Path, name: str) -> None:
    """What a thread no longer needs serves the next one, whichever that is."""
    service = Services(Settings(data_dir=tmp_path, postgres="host=nowhere")).service(name)
    assert _heaps(child_environment(**service.environment)) in {1, UNTOLD}


def test_threads_have_heaps_of_their_own_elsewhere() -> None:
    """Otherwise the test above could not fail."""
    plain = {k: v for k, v in child_environment().items() if not k.startswith("MALLOC_")}
    assert _heaps(plain) != 1


def _heaps(environment: dict[str, str]) -> int:
    """How many heaps a Python has whose threads were busy together; none but glibc tells."""
    words = [sys.executable, "-c", HEAPS_OF_BUSY_THREADS]
    ran = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)
    return ran.stdout.count("<heap nr=")
