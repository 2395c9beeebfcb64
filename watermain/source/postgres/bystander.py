"""What a publication would do to those who write to the captured table."""

from __future__ import annotations

from watermain.declare.errors import quoted
from watermain.declare.outside.source import Postgres
from watermain.source.postgres.replication import Connection
from watermain.source.protocol import Shape

PUBLISHES_GENERATED = 180_000  # the first server that can, and that refuses updates where it must
_GENERATED = """
select array(select attname::text from pg_attribute where attrelid = %(oid)s and attnum > 0
             and not attisdropped and attgenerated = 's' order by attnum),
       array(select format('drop column %%1$I, add column %%1$I %%2$s generated always as (%%3$s)'
                           ' stored', attname, format_type(atttypid, atttypmod),
                           pg_get_expr(adbin, adrelid))
             from pg_attribute join pg_attrdef on adrelid = attrelid and adnum = attnum
             where attrelid = %(oid)s and not attisdropped and attgenerated = 'v' order by attnum),
       current_setting('server_version_num')::int
"""
# `pubgencols` is a column of servers that publish generated columns.
_PUBLICATIONS = """
select p.pubname::text, coalesce(to_jsonb(p)->>'pubgencols', 'n') = 's',
       exists (select from pg_publication_rel as r
               where r.prpubid = p.oid and r.prrelid = %(oid)s and r.prattrs is not null)
from pg_publication as p
join pg_publication_tables as t on t.pubname = p.pubname
where t.schemaname = %(schema)s and t.tablename = %(table)s and (p.pubupdate or p.pubdelete)
order by p.pubname
"""


def harm(connection: Connection, word: Postgres, shape: Shape, oid: int) -> tuple[str, str] | None:
    """What would make the owner's own UPDATE and DELETE fail or what never comes, and its cure.

    Old rows are sent whole (`replica identity full`), so every column must be published by
    each publication that holds the table, ours or not.
    """
    schema, table = word.table.split(".")
    found = connection.execute(_GENERATED, {"oid": oid}).fetchone()
    stored, virtual, version = found or ([], [], 0)
    if version < PUBLISHES_GENERATED and (asked := sorted(set(shape.columns) & set(stored))):
        return (
            f"{word.table}: column {quoted(asked)} is generated, which PostgreSQL before 18"
            " does not publish",
            "leave it out of the contract, and compute it in a curated dataset",
        )
    if virtual:
        return (
            f"{word.table}: a column is generated when it is read; the owner's updates would"
            " fail, since it can be no part of an old row",
            f"alter table {word.table} {', '.join(virtual)}",
        )
    of = {"oid": oid, "schema": schema, "table": table}
    for name, publishes, lists in connection.execute(_PUBLICATIONS, of).fetchall():
        if lists:
            return (
                f"publication `{name}` lists columns of {word.table}; the owner's updates would"
                " fail, since old rows have all columns",
                readded(name, word.table),
            )
        if stored and not publishes and version >= PUBLISHES_GENERATED:
            return (
                f"publication `{name}` leaves out the generated column {quoted(stored)} of"
                f" {word.table}; the owner's updates would fail, since old rows have all columns",
                f'alter publication "{name}" set (publish_generated_columns = stored)',
            )
    return None


def created(connection: Connection, name: str, word: Postgres, oid: int) -> str:
    """The statement that makes a publication under which the table stays writable."""
    found = connection.execute(_GENERATED, {"oid": oid}).fetchone()
    stored, _, version = found or ([], [], 0)
    option = " with (publish_generated_columns = stored)"
    needed = bool(stored) and version >= PUBLISHES_GENERATED
    return f'create publication "{name}" for table {word.table}{option if needed else ""}'


def readded(name: str, table: str) -> str:
    """The statements that hold a table whole and leave the publication's other tables alone."""
    word = f'alter publication "{name}"'
    return f"{word} drop table {table}; {word} add table {table}"
