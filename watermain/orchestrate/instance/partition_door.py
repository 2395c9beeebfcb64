"""Whether the partitions that a request names exist, asked before Dagster looks at them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from dagster import AssetKey
from dagster._core.definitions.assets.graph.remote_asset_graph import RemoteAssetGraph
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from watermain.declare.errors import InvalidPartitionError
from watermain.orchestrate.instance.asked import Mutation, change
from watermain.orchestrate.instance.coordinator import refuse_partition
from watermain.process.door import GRAPHQL

MOST_BYTES = 8 * 2**20
TOO_LARGE = 413
Graph = Callable[[], RemoteAssetGraph[Any]]


class PartitionDoor:
    """Refuse a change that names a partition which no calendar has, in four lines.

    Dagster itself looks such keys up late: some end a run with an error of its own, and a range
    from the year 1 keeps its web server busy for minutes.
    Guarantees: a request is read whole before it is handed on, as it came; one of more than
    MOST_BYTES is refused.
    """

    def __init__(self, app: ASGIApp, graph: Graph) -> None:
        self._app, self._graph = app, graph

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let in or refuse."""
        asks = scope["type"] == "http" and scope["method"] == "POST" and scope["path"] == GRAPHQL
        if not asks:
            await self._app(scope, receive, send)
            return
        body = await _body(receive)
        if body is None:
            refusal = PlainTextResponse("the request is too large\n", TOO_LARGE)
            await refusal(scope, receive, send)
            return
        wanted = _change(body)
        refused = None if wanted is None else await run_in_threadpool(self._refused, wanted)
        if wanted is not None and refused is not None:
            answer = {wanted.answer: _error(refused)}
            await JSONResponse({"data": answer})(scope, receive, send)
            return
        await self._app(scope, _again(body, receive), send)

    def _refused(self, wanted: Mutation) -> InvalidPartitionError | None:
        if not wanted.named:
            return None
        graph = self._graph()
        try:
            for named in wanted.named:
                for path in named.paths:
                    key = AssetKey(list(path))
                    known = graph.get(key).partitions_def if graph.has(key) else None
                    for partition in named.partitions:
                        refuse_partition(partition, key, known)
        except InvalidPartitionError as error:
            return error
        return None


def _error(refused: InvalidPartitionError) -> dict[str, Any]:
    """The error as the UI's own pages read it."""
    return {
        "__typename": "PythonError",
        "className": type(refused).__name__,
        "message": str(refused),
        "stack": [],
        "cause": None,
        "causes": [],
        "errorChain": [],
    }


async def _body(receive: Receive) -> bytes | None:
    """The whole body; None when it is too large or its sender went."""
    parts, size = [], 0
    while True:
        message = await receive()
        part = message.get("body", b"")
        size += len(part)
        if message["type"] == "http.disconnect" or size > MOST_BYTES:
            return None
        parts.append(part)
        if not message.get("more_body"):
            return b"".join(parts)


def _again(body: bytes, receive: Receive) -> Receive:
    """Hand a body on that was read already."""
    left = [body]

    async def replay() -> Message:
        if left:
            return {"type": "http.request", "body": left.pop(), "more_body": False}
        return await receive()

    return replay


def _change(body: bytes) -> Mutation | None:
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return None
    query = told.get("query") if isinstance(told, dict) else None
    if not isinstance(query, str):
        return None
    variables = told.get("variables")
    if isinstance(variables, str):  # as Dagster reads them
        try:
            variables = json.loads(variables)
        except (ValueError, RecursionError):
            return None
    return change(query, variables if isinstance(variables, dict) else {})
