"""What a version of a feature table stands for, so that it cannot change unseen."""

from __future__ import annotations

from watermain.declare.dataset import Dataset
from watermain.engine.code.code import digest, takes
from watermain.engine.code.former_code import former_definition


def definition(dataset: Dataset) -> str:
    """Fingerprint what decides a feature's values: body, inputs, columns, entity and times.

    Guarantees: comments, layout, docstrings, descriptions, annotations and checks do not count;
    nor does the Python that runs it. Whatever the body reaches counts, constants among it. Empty
    for what is no feature table, and for one that is still a candidate.
    Raises: InvalidDeclarationError, naming what cannot be followed.
    """
    feature, contract = dataset.feature, dataset.contract
    if feature is None or feature.state == "candidate" or dataset.body is None:
        return ""
    decides = {
        "columns": [(c.name, str(c.type), c.unit, c.nullable) for c in contract.columns],
        "row": (contract.key, contract.event_time, feature.entity, feature.known_at),
        "max_age": feature.max_age,
        "inputs": sorted((a, str(n), dataset.looks_back(n)) for a, n in dataset.inputs.items()),
        "takes": takes(dataset.body),
        "body": dataset.body,
    }
    return digest(dataset, decides)


def is_defined_as(dataset: Dataset, released: str) -> bool:
    """Whether a feature table still is what was released under its version.

    A contract that an earlier release wrote holds the definition as that told it.
    """
    return released in (definition(dataset), former_definition(dataset))
