"""The variables of the process, as a project asks for them."""

from __future__ import annotations

from collections.abc import Mapping


class Environment(dict[str, str]):
    """The variables of the process; it remembers which of them were asked for."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        super().__init__(variables)
        self.asked: set[str] = set()

    def __contains__(self, name: object) -> bool:
        self.asked.add(str(name))
        return super().__contains__(name)

    def __getitem__(self, name: str) -> str:
        self.asked.add(name)
        return super().__getitem__(name)
