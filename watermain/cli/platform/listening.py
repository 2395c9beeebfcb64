"""Sources that tell their past only to who listens, listened to before they have one."""

from __future__ import annotations

from watermain.cli.screen import step
from watermain.declare.name import DatasetName
from watermain.engine.capture.ingest import capture
from watermain.engine.publish.publication import Job
from watermain.engine.rooms.connections import connections
from watermain.engine.rooms.directory import everything, find
from watermain.lake.lake import Lake


def listen_first() -> list[DatasetName]:
    """Capture what keeps its log for its readers alone and was never captured; give the names.

    Guarantees: whatever happens at these sources afterwards is captured change by change, where a
    first capture that came later would bring each row as it is then and no word of its past.
    """
    lake = Lake.from_settings()
    known = [d for d in everything().values() if d.is_captured and d.unloaded is None]
    with lake.get_connection() as connection:
        there = connection.execute(
            "select schema_name, table_name from duckdb_tables() where database_name = 'lake'"
        ).fetchall()
    kept = [d for d in known if d.origin.keeps_log]
    unheard = [d for d in kept if (d.name.schema, d.name.table) not in there]
    if not unheard:
        return []
    with step("log of changes") as line:
        job = Job(lake=lake, find=find, connections=connections())
        for dataset in unheard:
            capture(dataset, job)
        line.say(f"{', '.join(str(d.name) for d in unheard)} listen")
    return [d.name for d in unheard]
