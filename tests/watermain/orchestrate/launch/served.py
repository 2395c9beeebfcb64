"""Dagster's web server as the platform starts it, over one small code location."""

from __future__ import annotations

import base64
import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.house.tree import ROOT as HOME
from watermain.process.instance import instance_environment, rooms_workspace, write_instance
from watermain.process.platform import WEB, Services
from watermain.process.web import LAUNCH
from watermain.settings import Settings

PATIENCE_SECONDS = 400.0
RUNS = "{ runsOrError { ... on Runs { results { status tags { key value } } } } }"


@dataclass(frozen=True)
class Served:
    """A web server that runs."""

    port: int

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def ask(self, query: str, variables: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Ask as the platform's own commands do."""
        body = {"query": query, "variables": variables}
        answer = httpx.post(f"{self.url}/graphql", json=body, timeout=60, trust_env=False)
        found: dict[str, Any] = answer.json()
        return found

    def runs(self) -> list[str]:
        """The status of each run that there is."""
        found = self.ask(RUNS)["data"]["runsOrError"]["results"]
        return [run["status"] for run in found]

    def raw(self, lines: str, body: bytes = b"") -> tuple[int, str]:
        """Send a request as it is written; give the status with the answer's head."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as stream:
            stream.sendall(lines.encode() + body)
            head = b""
            while b"\r\n\r\n" not in head and (more := stream.recv(4096)):
                head += more
        text = head.decode("latin-1").partition("\r\n\r\n")[0]
        return int(text.split()[1]), text.lower()

    def upgrade(self, **headers: str) -> int:
        """Open a websocket for subscriptions; give the status."""
        key = base64.b64encode(os.urandom(16)).decode()
        told = {
            "host": f"127.0.0.1:{self.port}",
            "upgrade": "websocket",
            "connection": "Upgrade",
            "sec-websocket-key": key,
            "sec-websocket-version": "13",
            "sec-websocket-protocol": "graphql-ws",
            **{k.replace("_", "-"): v for k, v in headers.items()},
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in told.items())
        return self.raw(f"GET /graphql HTTP/1.1\r\n{lines}\r\n")[0]


def launching(key: str | None = None, config: object = None) -> dict[str, Any]:
    """The variables that launch a run of the dataset."""
    tags = [] if key is None else [{"key": "dagster/partition", "value": key}]
    return {
        "params": {
            "selector": {
                "repositoryLocationName": "room",
                "repositoryName": "__repository__",
                "pipelineName": "__ASSET_JOB",
                "assetSelection": [{"path": ["shop", "curated", "sales"]}],
            },
            "mode": "default",
            "runConfigData": json.dumps(config or {}),
            "executionMetadata": {"tags": tags},
        }
    }


def launch_text() -> str:
    """A mutation without variables that launches a run."""
    return (
        "mutation{launchRun(executionParams:{selector:{repositoryLocationName:"
        '"room",repositoryName:"__repository__",pipelineName:"__ASSET_JOB",assetSelection:'
        '[{path:["shop","curated","sales"]}]},mode:"default",runConfigData:"{}",'
        'executionMetadata:{tags:[{key:"dagster/partition",value:"2013-01-05"}]}}){__typename}}'
    )


@contextmanager
def served(home: Path, postgres: str) -> Iterator[Served]:
    """Serve, as `watermain up` does, until the block ends."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = Settings(data_dir=home, postgres=postgres, port=port, hosts="data.example.org")
    write_instance(settings)
    workspace = rooms_workspace(settings)
    workspace.parent.mkdir(parents=True, exist_ok=True)
    module = {"module_name": "tests.watermain.orchestrate.launch.room", "location_name": "room"}
    listed = {"load_from": [{"python_module": {**module, "working_directory": str(HOME)}}]}
    workspace.write_text(yaml.safe_dump(listed))
    environment = {
        **os.environ,
        **instance_environment(settings),
        "WATERMAIN_POSTGRES": postgres,
        "WATERMAIN_HOSTS": "data.example.org",
    }
    command = list(Services(settings).service(WEB).command)
    with (home / "web.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=HOME, env=environment, stdout=log, stderr=log)
    try:
        yield _ready(Served(port), process, home / "web.log")
    finally:
        process.terminate()
        try:
            process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _ready(server: Served, process: subprocess.Popen[bytes], log: Path) -> Served:
    deadline = time.monotonic() + PATIENCE_SECONDS
    query = "{ repositoriesOrError { ... on RepositoryConnection { nodes { name } } } }"
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()[-2000:]
        try:
            if server.ask(query)["data"]["repositoriesOrError"].get("nodes"):
                return server
        except httpx.HTTPError:
            time.sleep(0.2)
    raise AssertionError(log.read_text()[-2000:])


__all__ = ["LAUNCH", "Served", "launch_text", "launching", "served"]
