"""The work of Feast on a repository that a JSON file describes.

Run by benchmarks/fixtures/feast_site.py in an environment that has Feast:
`feast_work.py apply|materialize|history|online REPOSITORY ...`.
"""

import json
import os
import resource
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path

os.environ["FEAST_USAGE"] = "False"


def objects(tables):
    """The entities, the views of a repository."""
    from feast import Entity, FeatureView, Field, FileSource, ValueType, types

    known = {
        "string": (types.String, ValueType.STRING),
        "int64": (types.Int64, ValueType.INT64),
        "double": (types.Float64, ValueType.DOUBLE),
        "bool": (types.Bool, ValueType.BOOL),
        "timestamp": (types.UnixTimestamp, ValueType.UNIX_TIMESTAMP),
    }
    columns = {n: k for table in tables for n, k in table["entity"].items()}
    entities = {
        name: Entity(name=name, join_keys=[name], value_type=known[kind][1])
        for name, kind in columns.items()
    }
    views = [
        FeatureView(
            name=table["name"],
            entities=[entities[name] for name in table["entity"]],
            ttl=timedelta(seconds=table["ttl_seconds"]),
            schema=[
                Field(name=name, dtype=known[kind][0])
                for name, kind in {**table["entity"], **table["features"]}.items()
            ],
            source=FileSource(
                name=f"{table['name']}_rows",
                path=table["path"],
                timestamp_field=table["event_time"],
                created_timestamp_column=table["known_at"] or "",
            ),
        )
        for table in tables
    ]
    return [*entities.values(), *views]


def apply(store, repository):
    """Register the views."""
    store.apply(objects(json.loads((repository / "tables.json").read_text())))
    return {}


def materialize(store, repository, view, since, until):
    """Load a view's newest rows into the online store."""
    store.materialize(
        datetime.fromisoformat(since), datetime.fromisoformat(until), feature_views=[view]
    )
    return {}


def history(store, repository, spine, target, *features):
    """Join the features of each row of a spine as of its time, into a Parquet file."""
    import pandas as pd
    import pyarrow.parquet as pq

    began = time.perf_counter()
    rows = pd.read_parquet(spine)
    read = time.perf_counter()
    found = store.get_historical_features(entity_df=rows, features=list(features)).to_arrow()
    joined = time.perf_counter()
    pq.write_table(found, target)
    return {"rows": found.num_rows, "read_seconds": read - began, "join_seconds": joined - read}


def online(store, repository, asked, *features):
    """Read the features of some entities, given as a JSON list of objects, from the store."""
    found = store.get_online_features(
        features=list(features), entity_rows=json.loads(asked)
    ).to_dict()
    return {"values": json.loads(json.dumps(found, default=str))}


def main(word, repository, *words):
    """Do one piece of work; tell its seconds, the peak memory, what else it has to say."""
    from feast import FeatureStore

    store = FeatureStore(repo_path=str(repository))
    work = {"apply": apply, "materialize": materialize, "history": history, "online": online}
    began = time.perf_counter()
    said = work[word](store, repository, *words)
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"seconds": seconds, "peak_bytes": peak, **said}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:])
