"""The address of a place of files, with what its connection declares."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from watermain.declare.connection.files import FilesConnection
from watermain.settings import project


def composed(address: str, word: FilesConnection, secret: Callable[[str], str]) -> str:
    """Write the options into the address of a bucket; a folder is one as seen from the project.

    Raises: InvalidDeclarationError.
    """
    if "://" not in address:
        return address if address.startswith("/") else str(project().root / address)
    parts, store = urlsplit(address), word.store
    wanted = {} if store is None else {"endpoint": store.endpoint, "region": store.region}
    wanted["authorities"] = "" if word.tls is None else word.tls.authorities
    for name, wait in (("connect", word.connect_within), ("silent", word.silent_within)):
        wanted[name] = "" if wait is None else str(wait.total_seconds())
    merged = word.merged(
        dict(parse_qsl(parts.query)), {name: value for name, value in wanted.items() if value}
    )
    place = parts.netloc
    if store is not None and store.secret:
        if "@" in place:
            word.refuse("its address holds a key, too", "leave one of them out")
        shown = secret(store.key_id) if ":" in store.key_id else store.key_id
        place = f"{quote(shown, safe='')}:{quote(secret(store.secret), safe='')}@{place}"
    return urlunsplit((parts.scheme, place, parts.path, urlencode(merged), ""))
