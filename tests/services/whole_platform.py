"""A platform as the project's own command brings it up."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.ports import free_port


@dataclass(frozen=True)
class Platform:
    """A project's platform with a data folder and a port of its own."""

    root: Path
    data: Path
    port: int
    serve_port: int = field(default_factory=free_port)  # the usual one is everybody's

    @property
    def url(self) -> str:
        """The address of its web server."""
        return f"http://127.0.0.1:{self.port}"

    @contextmanager
    def up(self, *words: str) -> Iterator[None]:
        """Bring it up; take it down whatever happens."""
        try:
            self.sound("up", "--detach", "--port", str(self.port), *words)
            yield
        finally:
            self.sound("down")

    def run(
        self, *words: str, module: str = "watermain", **extra: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in the project, with more variables if some are named."""
        own = {
            "WATERMAIN_DATA_DIR": str(self.data),
            "WATERMAIN_SERVE_PORT": str(self.serve_port),
        }
        return subprocess.run(
            [sys.executable, "-m", module, *words],
            cwd=self.root,
            env={**os.environ, **own, **extra},
            capture_output=True,
            text=True,
            timeout=1200,
            check=False,
        )

    def sound(self, *words: str, module: str = "watermain", **extra: str) -> str:
        """What a command prints that has to end well."""
        done = self.run(*words, module=module, **extra)
        assert done.returncode == 0, (
            f"{' '.join(words)}: {done.stdout[-2000:]}{done.stderr[-4000:]}"
        )
        return done.stdout

    def facts(self, *words: str, module: str = "watermain", **extra: str) -> Any:
        """The facts that a command prints as JSON."""
        return json.loads(self.sound(*words, "--json", module=module, **extra))

    def ask(self, query: str, **variables: object) -> Any:
        """Ask Dagster."""
        body = {"query": query, "variables": variables}
        answer = httpx.post(f"{self.url}/graphql", json=body, timeout=60, trust_env=False).json()
        assert "errors" not in answer, answer["errors"]
        return answer["data"]
