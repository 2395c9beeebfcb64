"""What a source needs of its surroundings: the settings, with the connections that are declared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from watermain.credential import Address, Composed
from watermain.declare.connection.connection import Connection
from watermain.secrets import Secrets
from watermain.settings import Settings

Connections = Mapping[str, Connection]
NONE_DECLARED: Connections = MappingProxyType({})


@dataclass(frozen=True)
class Outside:
    """Lead to the outside systems by the connections that the company declares."""

    settings: Settings
    connections: Connections = field(default_factory=dict)

    @property
    def scratch(self) -> Path:
        """The folder of what a source may lose."""
        return self.settings.home / "scratch"

    def word(self, name: str) -> Any:
        """The declared connection of a name; None where there is none."""
        return self.connections.get(name)

    def secrets(self) -> Secrets:
        """What reads secrets where their references point."""
        return Secrets(self.settings)

    def address(self, name: str, composed: Composed | None = None) -> Address:
        """The address of a connection, in which all its options are as `composed` writes them."""
        return Address(self.settings, name, self.word(name), composed)
