"""Which partitions of which datasets a GraphQL request names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    ArgumentNode,
    FieldNode,
    GraphQLError,
    OperationDefinitionNode,
    OperationType,
    Visitor,
    parse,
    value_from_ast_untyped,
    visit,
)

from watermain.orchestrate.tags import PARTITION, RANGE_END, RANGE_START

TAGS = (PARTITION, RANGE_START, RANGE_END)
Path = tuple[str, ...]


@dataclass(frozen=True)
class Named:
    """Partitions that one part of a request names, of datasets that it names beside them."""

    paths: tuple[Path, ...]
    partitions: tuple[str, ...]


@dataclass(frozen=True)
class Mutation:
    """A mutation: what its first field answers as, and what it names."""

    answer: str
    named: tuple[Named, ...]


def change(query: str, variables: Mapping[str, Any]) -> Mutation | None:
    """Read a request; None for what changes nothing or is no GraphQL, which is others' to answer.

    Guarantees: it makes no difference whether something is said in the text or by variables.
    """
    try:
        document = parse(query)
    except (GraphQLError, RecursionError):
        return None
    mutations = [
        d
        for d in document.definitions
        if isinstance(d, OperationDefinitionNode) and d.operation is OperationType.MUTATION
    ]
    fields = [f for m in mutations for f in m.selection_set.selections if isinstance(f, FieldNode)]
    if not mutations:
        return None
    known = dict(variables)
    for each in (v for m in mutations for v in m.variable_definitions or ()):
        if each.default_value is not None:
            known.setdefault(each.variable.name.value, value_from_ast_untyped(each.default_value))
    arguments = _Arguments()
    visit(document, arguments)
    values = [value_from_ast_untyped(node.value, known) for node in arguments.found]
    first = fields[0] if fields else None
    answer = first.alias or first.name if first is not None else None
    return Mutation(
        answer=answer.value if answer is not None else "",
        named=tuple(n for value in values for n in _named(value)),
    )


class _Arguments(Visitor):
    """Collect every argument, including those of fields in fragments."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[ArgumentNode] = []

    def enter_argument(self, node: ArgumentNode, *_: object) -> None:
        self.found.append(node)


def _named(value: Any) -> Iterator[Named]:
    """Walk a value: wherever datasets stand beside partitions, tell both."""
    left = [value]
    while left:
        part = left.pop()
        if isinstance(part, list):
            left.extend(part)
        elif isinstance(part, dict):
            left.extend(part.values())
            paths, partitions = _paths(part), tuple(_partitions(part))
            if paths and partitions:
                yield Named(paths, partitions)


def _paths(part: Mapping[str, Any]) -> tuple[Path, ...]:
    selector = part.get("selector")
    listed = selector.get("assetSelection") if isinstance(selector, dict) else None
    listed = listed or part.get("assetSelection") or part.get("assetKeys") or part.get("assetKey")
    found = listed if isinstance(listed, list) else [listed]
    return tuple(
        tuple(map(str, each["path"]))
        for each in found
        if isinstance(each, dict) and isinstance(each.get("path"), list)
    )


def _partitions(part: Mapping[str, Any]) -> Iterator[str]:
    """Every key that stands in tags, in a list of names or as the end of a range."""
    told = part.get("executionMetadata")
    tags = told.get("tags") if isinstance(told, dict) else None
    for tag in tags if isinstance(tags, list) else ():
        if isinstance(tag, dict) and tag.get("key") in TAGS:
            yield str(tag.get("value"))
    for word in ("partitionNames", "partitionKeys", "partitionKey"):
        names = part.get(word)
        yield from map(str, names if isinstance(names, list) else [names] if names else [])
    spans = part.get("partitions")
    ranges = [spans.get("range"), *(spans.get("ranges") or ())] if isinstance(spans, dict) else []
    for each in ranges:
        if isinstance(each, dict):
            yield from (str(each.get(end)) for end in ("start", "end"))
