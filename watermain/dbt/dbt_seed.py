"""The columns of a seed, typed as dbt types them."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from dbt.adapters.duckdb.impl import DuckDBAdapter
from dbt_common.clients import agate_helper

MOST_BYTES = 64_000_000
NEXT = "keep large tables out of the project: watermain adopt, and read them by `source()`"


def seed_facts(path: Path, config: Any) -> dict[str, Any]:
    """What a seed holds: its columns with their types, its delimiter and its fingerprint.

    Guarantees: types are those that `dbt seed` gives, of `column_types` where they are said.
    Raises: ValueError, for a file that is no such table or too large for one.
    """
    size = path.stat().st_size
    if size > MOST_BYTES:
        raise ValueError(f"has {size:,} bytes, of which a seed may have {MOST_BYTES:,}")
    said = {str(k): str(v) for k, v in (config.column_types or {}).items()}
    table = agate_helper.from_csv(str(path), text_columns=said, delimiter=config.delimiter)
    convert = DuckDBAdapter.convert_type
    columns = [
        [name, said.get(name) or convert(table, number)]
        for number, name in enumerate(table.column_names)
    ]
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return {"columns": columns, "delimiter": config.delimiter, "sha256": digest}
