"""Dagster's web server, asked over GraphQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx

from watermain.declare.errors import TerminalError, UnreachableSystemError
from watermain.declare.name import DatasetName

TERMINAL = frozenset({"SUCCESS", "FAILURE", "CANCELED"})
LAUNCH = """
mutation Launch($params: ExecutionParams!) {
  launchRun(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on Error { message }
    ... on RunConfigValidationInvalid { errors { message } }
  }
}
"""
RUN = """
query Run($id: ID!) {
  runOrError(runId: $id) {
    __typename
    ... on Run {
      status
      stepStats { stepKey status }
      eventConnection(limit: 1000) { events {
        __typename
        ... on ExecutionStepFailureEvent {
          stepKey error { message causes { message } } failureMetadata { description }
        }
        ... on RunFailureEvent { message error { message causes { message } } }
      } }
    }
    ... on Error { message }
  }
}
"""
STATUS = """
query Status($id: ID!) {
  runOrError(runId: $id) {
    ... on Run { status stepStats { stepKey status } }
    ... on Error { message }
  }
}
"""
FAILED = """
query Failed($since: Float!) {
  runsOrError(filter: {statuses: [FAILURE], updatedAfter: $since}, limit: 200) {
    __typename
    ... on Runs { results {
      runId startTime endTime assetSelection { path } tags { key value }
    } }
  }
}
"""
LOCATIONS = """
query Locations {
  workspaceOrError {
    ... on Workspace { locationEntries {
      name loadStatus
      locationOrLoadError { __typename ... on PythonError { message } }
    } }
    ... on Error { message }
  }
}
"""


class RefusedRunError(TerminalError):
    """Report a run that Dagster would not start."""


@dataclass(frozen=True)
class Web:
    """Speak to one web server."""

    url: str

    def answers(self) -> bool:
        """Whether the server answers at all."""
        try:
            return httpx.get(f"{self.url}/server_info", timeout=5, trust_env=False).is_success
        except httpx.HTTPError:
            return False

    def locations(self) -> dict[str, str]:
        """Every code location: "" when it is loaded, "loading" before, or why it does not load."""
        found = self._ask(LOCATIONS, {})["workspaceOrError"]
        states = {}
        for entry in found.get("locationEntries", ()):
            loaded = entry["locationOrLoadError"] or {}
            if loaded.get("__typename") == "PythonError":
                states[entry["name"]] = str(loaded["message"]).strip() or "it does not load"
            else:
                states[entry["name"]] = "" if entry["loadStatus"] == "LOADED" else "loading"
        return states

    def failed(self, since: datetime) -> list[dict[str, Any]]:
        """The runs that failed since an instant, newest first, 200 at most, as Dagster tells them.

        Raises: UnreachableSystemError.
        """
        found = self._ask(FAILED, {"since": since.timestamp()})["runsOrError"]
        return list(found.get("results", ()))

    def launch(self, names: Sequence[DatasetName], tags: Mapping[str, str]) -> str:
        """Submit one run of datasets of one team; give its id.

        Raises: RefusedRunError.
        """
        team = names[0].team
        params = {
            "selector": {
                "repositoryLocationName": team,
                "repositoryName": "__repository__",
                "pipelineName": "__ASSET_JOB",
                "assetSelection": [{"path": list(n.key)} for n in names],
            },
            "mode": "default",
            "runConfigData": "{}",
            "executionMetadata": {"tags": [{"key": k, "value": v} for k, v in tags.items()]},
        }
        answer = self._ask(LAUNCH, {"params": params})["launchRun"]
        if answer["__typename"] != "LaunchRunSuccess":
            errors = [e["message"] for e in answer.get("errors", ())]
            raise RefusedRunError.nothing_happened(
                f"Dagster refused a run of {', '.join(map(str, names))}:"
                f" {answer.get('message') or '; '.join(errors)}".strip().split("\n")[0],
                declared=f"code location {team}",
                next="watermain doctor",
            )
        return str(answer["run"]["runId"])

    def progress(self, run_id: str) -> tuple[str, int]:
        """The status of a run and the number of its steps that have ended."""
        run = self._ask(STATUS, {"id": run_id})["runOrError"]
        ended = [s for s in run.get("stepStats", ()) if s["status"] in ("SUCCESS", "FAILURE")]
        return str(run.get("status", "FAILURE")), len(ended)

    def failures(self, run_id: str) -> list[str]:
        """Why a run failed, as its events tell."""
        run = self._ask(RUN, {"id": run_id})["runOrError"]
        found = []
        for event in run.get("eventConnection", {}).get("events", ()):
            described = (event.get("failureMetadata") or {}).get("description")
            message = described or _cause(event.get("error") or {}) or event.get("message")
            if message and str(message).strip():
                found.append(str(message).strip())
        return found

    def _ask(self, query: str, variables: Mapping[str, object]) -> dict[str, Any]:
        body = {"query": query, "variables": variables}
        try:
            answer = httpx.post(f"{self.url}/graphql", json=body, timeout=60, trust_env=False)
            found = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise UnreachableSystemError(
                f"Dagster's web server does not answer at {self.url}: {error}",
                declared="WATERMAIN_PORT",
                data="unchanged",
                next="watermain up --detach",
            ) from error
        if "data" not in found or found["data"] is None:
            raise UnreachableSystemError(
                f"Dagster's web server: {found.get('errors', ['no answer'])[0]}"[:400],
                declared=self.url,
                data="unchanged",
                next="watermain doctor",
            )
        return dict(found["data"])


def _cause(error: Mapping[str, Any]) -> str:
    """What a step met, not that Dagster wrapped it."""
    told = [str(each.get("message") or "") for each in error.get("causes") or ()]
    return next((t for t in told if t.strip()), str(error.get("message") or ""))
