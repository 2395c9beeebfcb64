"""The lake's own engine asked whether it takes a file as it is."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

import duckdb

from watermain.engine.adopt.rows import own_engine
from watermain.lake.lake import extension, quote, text
from watermain.settings import load_settings

_LETTERS = 160


def refusal(path: Path, types: Mapping[str, str]) -> str:
    """Why the engine does not take a file into a table of these types; empty where it does.

    Guarantees: asked of a lake that is made for the question, in a folder that goes with it; the
    file is only read.
    """
    scratch = load_settings().home / "tmp"
    scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=scratch) as folder, own_engine() as connection:
        connection.execute(f"load '{extension('ducklake')}'")
        connection.execute(
            f"attach {text(f'ducklake:{folder}/catalog')} as probe"
            f" (data_path {text(f'{folder}/files')})"
        )
        columns = ", ".join(f"{quote(name)} {kind}" for name, kind in types.items())
        connection.execute(f"create table probe.asked ({columns})")
        try:
            connection.execute(
                f"call ducklake_add_data_files('probe', 'asked', {text(str(path))},"
                " allow_missing => true, ignore_extra_columns => true, hive_partitioning => false)"
            )
        except duckdb.Error as error:
            return f"the lake does not take it: {str(error).splitlines()[0][:_LETTERS]}"
    return ""
