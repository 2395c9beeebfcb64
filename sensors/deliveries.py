"""A watch on the partner's drop folder for files that no dataset claims.

A file whose name fits no pattern is captured by nobody and missed by nobody: a partner who renames
a delivery would be found out by whoever looks at a stale dataset. The sensor tells of such files
when they come, once each, on an asset that stands for the folder.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import dagster as dg

from watermain import Files
from watermain.orchestrate.location import declared
from watermain.settings import load_settings

CONNECTION, TEAM = "partner_drop", "operations"
FOLDER = dg.AssetKey(["operations", "outside", "partner_drop"])

partner_drop = dg.AssetSpec(
    FOLDER,
    description="The folder that the partner delivers into; files that no dataset claims are told.",
    group_name="outside",
    owners=["team:operations"],
)


def unclaimed(folder: Path, patterns: Iterable[str]) -> list[str]:
    """The names of files in a folder that fit none of the patterns."""
    patterns = list(patterns)
    names = sorted(p.name for p in folder.iterdir() if p.is_file()) if folder.is_dir() else []
    return [n for n in names if not any(Path(n).match(pattern) for pattern in patterns)]


@dg.sensor(minimum_interval_seconds=60, default_status=dg.DefaultSensorStatus.RUNNING)
def unclaimed_deliveries(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """Tell of files in the partner's folder that no dataset captures."""
    sources = [d.source for d in declared(TEAM)]
    wanted = [s.pattern for s in sources if isinstance(s, Files) and s.connection == CONNECTION]
    found = unclaimed(Path(load_settings().source(CONNECTION)), wanted)
    fresh = sorted(set(found) - set(json.loads(context.cursor or "[]")))
    if not fresh:
        return dg.SkipReason(f"every file is claimed, or was told of ({len(found)})")
    told = dg.AssetObservation(
        FOLDER,
        description=f"nobody captures {', '.join(fresh)}",
        metadata={"files": fresh, "patterns": wanted},
    )
    return dg.SensorResult(asset_events=[told], cursor=json.dumps(found))
