"""YAML of others, read without surprises."""

from __future__ import annotations

from typing import Any

import yaml

from watermain.declare.errors import UnreadableContractError

MOST_CHARACTERS = 64 * 1024 * 1024
MOST_DEPTH = 100


class _Loader(yaml.SafeLoader):
    """A safe loader that refuses what hides or repeats content."""

    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("an alias (`*name`) stands for other content; write it out")
        self.depth += 1
        if self.depth > MOST_DEPTH:
            raise yaml.YAMLError(f"it is nested more than {MOST_DEPTH} deep")
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        names = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            line = node.start_mark.line + 1
            raise yaml.YAMLError(f"`{twice}` stands twice in the mapping of line {line}")
        return super().construct_mapping(node, deep)


def read_yaml(text: str, declared: str) -> Any:
    """The plain values that a text of YAML, or of JSON, holds.

    Guarantees: no tag builds an object, no alias multiplies content and no key is overwritten.
    Raises: UnreadableContractError.
    """
    try:
        if len(text) > MOST_CHARACTERS:
            raise yaml.YAMLError(f"it has more than {MOST_CHARACTERS:,} characters")
        return yaml.load(text, _Loader)
    except (yaml.YAMLError, ValueError) as error:
        raise UnreadableContractError(
            f"{declared} is not plain YAML: {' '.join(str(error).split())[:300]}",
            declared=declared,
            data="nothing was written",
            next="mend the file",
        ) from error
