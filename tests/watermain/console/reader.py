"""Whoever reads pages, without a browser."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import httpx

from watermain.console.application import application
from watermain.console.sight import Sight
from watermain.process.door import HostDoor


@dataclass(frozen=True)
class PageReader:
    """Read the pages of a sight through the door that the service has."""

    sight: Sight

    def get(self, path: str, method: str = "GET", **headers: str) -> httpx.Response:
        """Ask for a page once."""
        return asyncio.run(self._ask(path, method, headers))

    async def _ask(self, path: str, method: str, headers: dict[str, str]) -> httpx.Response:
        app = HostDoor(application(self.sight))
        way = httpx.ASGITransport(app, raise_app_exceptions=False)  # type: ignore[arg-type]
        address = "http://127.0.0.1:3070"
        async with httpx.AsyncClient(transport=way, base_url=address) as client:
            return await client.request(method, path, headers=headers)
