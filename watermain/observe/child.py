"""A question put to a process of its own, which ends with the answer."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from typing import Any

from watermain.settings import child_environment


class SilentChildError(Exception):
    """Report a process without an answer; what it `said` may hold what nobody should read."""

    def __init__(self, how: str, said: str) -> None:
        super().__init__(how)
        self.said = said.strip()


def asked(module: str, question: str, patience: timedelta) -> Any:
    """Run a module of ours with a question on its stdin; give the JSON that it prints.

    Raises: SilentChildError.
    """
    try:
        done = subprocess.run(
            [sys.executable, "-m", module],
            input=question,
            capture_output=True,
            text=True,
            timeout=patience.total_seconds(),
            env=child_environment(),
            check=False,
        )
    except (subprocess.SubprocessError, OSError) as error:
        raise SilentChildError(f"gave no answer: {type(error).__name__}", str(error)) from error
    if done.returncode:
        raise SilentChildError(f"ended with {done.returncode}", done.stderr)
    return json.loads(done.stdout)
