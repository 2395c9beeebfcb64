"""Seconds of the README's first command in a fresh clone, with the share of the installation.

The clone has neither environment nor data; pip's and uv's caches are empty folders, so every wheel
comes from the package index. There is no peer; the figure is reported and not compared.
Run it: `python -m benchmarks.up`.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[1]
INSTALLED = re.compile(r"\.venv is ready after (\d+) s")


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main() -> int:
    """Print the seconds until healthy and those of the installation."""
    with TemporaryDirectory(prefix="watermain-bench-") as name:
        clone = Path(name) / "watermain"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        kept = {k: v for k, v in os.environ.items() if not k.startswith("WATERMAIN_")}
        caches = {"UV_CACHE_DIR": f"{name}/uv", "PIP_CACHE_DIR": f"{name}/pip"}
        words = {**kept, **caches, "DETACH": "1", "WATERMAIN_PORT": str(free_port())}
        try:
            began = time.monotonic()
            done = subprocess.run(
                ["make", "up"], cwd=clone, env=words, text=True, capture_output=True, check=False
            )
            seconds = time.monotonic() - began
        finally:
            subprocess.run(["make", "down"], cwd=clone, env=words, check=False)
    told = done.stdout + done.stderr
    print(told)
    if done.returncode:
        return 1
    found = INSTALLED.search(told)
    install = int(found[1]) if found else 0
    figure = {"seconds": round(seconds), "install_seconds": install}
    print(json.dumps({"claim": "make up, seconds from a fresh clone to a healthy UI", **figure}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
