"""The answer to a question, as an Arrow stream."""

from __future__ import annotations

import base64
from collections.abc import Sequence

import orjson
import pyarrow as pa
from pyarrow import json as arrow_json

from watermain.serve.feature_server.answer import Found
from watermain.serve.feature_server.catalog import Part
from watermain.serve.feature_server.question import Question

MEDIA_TYPE = "application/vnd.apache.arrow.stream"
_INSTANT = pa.timestamp("us", "UTC")


def arrow_answer(question: Question, found: Sequence[Found]) -> bytes:
    """Write one record batch with a row for each entity.

    Shapes: the entity's columns, and then for each table its features by their labels
    with `<table>.status` and `<table>.event_time`; the schema's metadata holds the tables'
    versions.
    """
    columns: dict[str, pa.Array] = {
        name: pa.array(question.entities[name], kinds[0])
        for name, kinds in question.plan.entities.items()
    }
    versions = {}
    for each in found:
        chosen = each.part.chosen
        columns |= _features(each)
        columns[f"{chosen.prefix}.status"] = pa.array(
            each.statuses or ["present"] * each.present, pa.string()
        )
        columns[f"{chosen.prefix}.event_time"] = pa.array(list(each.rows.events), _INSTANT)
        versions[chosen.prefix] = {"table": each.part.name, "version": chosen.feature.version}
    batch = pa.RecordBatch.from_pydict(columns, metadata={"tables": orjson.dumps(versions)})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as stream:
        stream.write_batch(batch)
    return sink.getvalue().to_pybytes()


def _features(found: Found) -> dict[str, pa.Array]:
    """Read stored JSON into columns of the contract's types."""
    lines = b"\n".join([b"{}" if value is None else value for value in found.values])
    chosen = found.part.chosen
    table = arrow_json.read_json(
        pa.BufferReader(lines),
        read_options=arrow_json.ReadOptions(use_threads=False, block_size=len(lines) + 1),
        parse_options=arrow_json.ParseOptions(
            explicit_schema=_stored(found.part), unexpected_field_behavior="ignore"
        ),
    ).combine_chunks()
    return {
        chosen.label(name): _typed(table[name], chosen.dataset.contract.column(name).type)
        for name in chosen.columns
    }


def _typed(column: pa.ChunkedArray, kind: pa.DataType) -> pa.Array:
    """Give a column as it was read its type."""
    if _is_bytes(kind):
        texts = column.to_pylist()
        return pa.array([None if t is None else base64.b64decode(t) for t in texts], kind)
    whole = column.combine_chunks().cast(kind)
    return whole.chunk(0) if isinstance(whole, pa.ChunkedArray) else whole


def _stored(part: Part) -> pa.Schema:
    """How columns stand in JSON: what JSON has no number for stands as text."""
    contract = part.chosen.dataset.contract
    return pa.schema([(name, _in_json(contract.column(name).type)) for name in part.chosen.columns])


def _in_json(kind: pa.DataType) -> pa.DataType:
    is_text = pa.types.is_date(kind) or pa.types.is_time(kind) or _is_bytes(kind)
    return pa.string() if is_text else kind


def _is_bytes(kind: pa.DataType) -> bool:
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind)
