"""A service that waits once it has said what it sees."""

from __future__ import annotations

import os
import sys
import time

if __name__ == "__main__":
    loaded = "yes" if "dagster" in sys.modules else "no"
    print(*sys.argv[1:], os.environ["SAYS"], os.environ.get("LEFT"), loaded, flush=True)  # noqa: T201
    time.sleep(600)
