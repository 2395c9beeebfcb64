"""What the platform writes down about itself."""

import pyarrow as pa

from watermain.declare import Column, Contract, Platform, Sensitivity, raw

OWNER = "team:upkeep"

batches = raw(
    "upkeep.raw.batches",
    source=Platform(table="batches"),
    description="The ingest ledger; each row commits in the transaction of its rows.",
    contract=Contract(
        grain="one row per captured batch",
        key=("stream", "shard", "from_position"),
        event_time="committed_at",
        columns=(
            Column("stream", pa.string(), "the raw dataset"),
            Column("shard", pa.string(), "what positions are contiguous within"),
            Column("from_position", pa.string(), "where the batch begins"),
            Column("to_position", pa.string(), "where the batch ends"),
            Column("batch_id", pa.string(), "hash of shard with positions"),
            Column("rows", pa.int64(), "rows captured"),
            Column("quarantined", pa.int64(), "rows put aside"),
            Column("content_hash", pa.string(), "hash of the rows"),
            Column("contract_version", pa.string(), "contract in force"),
            Column("epoch", pa.int64(), "the writer's lease"),
            Column("run_id", pa.string(), "the Dagster run"),
            Column("committed_at", pa.timestamp("us", "UTC"), "when it became visible"),
            Column("rows_in", pa.int64(), "rows read: captured, put aside or repeated"),
            Column("repeated", pa.int64(), "rows left out, since their key stands in raw"),
            Column("late", pa.int64(), "rows captured after their partition was over"),
            Column("late_partitions", pa.string(), "JSON list of the partitions they are in"),
            Column("newest_at", pa.timestamp("us", "UTC"), "newest event time of the shard"),
            Column("watermark_at", pa.timestamp("us", "UTC"), "event time the stream has reached"),
            Column("seconds", pa.float64(), "wall time to its ledger row", unit="seconds"),
        ),
    ),
    owner=OWNER,
)

publishes = raw(
    "upkeep.raw.publishes",
    source=Platform(table="publishes"),
    description="Each row commits in the transaction of the partition that it tells of.",
    contract=Contract(
        grain="one row per published partition",
        key=("dataset", "partition", "epoch"),
        event_time="published_at",
        columns=(
            Column("dataset", pa.string(), "what was published"),
            Column("partition", pa.string(), "partition key; empty for a whole table"),
            Column("data_version", pa.string(), "hash of inputs with code"),
            Column("code_version", pa.string(), "hash of the declaration with its body"),
            Column("contract_version", pa.string(), "contract in force"),
            Column("contract_hash", pa.string(), "hash of the contract"),
            Column("rows_in", pa.int64(), "rows read"),
            Column("rows_out", pa.int64(), "rows published"),
            Column("bytes", pa.int64(), "written to the lake", unit="bytes"),
            Column("seconds", pa.float64(), "wall time", unit="seconds"),
            Column("peak_memory", pa.int64(), "of the process", unit="bytes"),
            Column("input_snapshot", pa.int64(), "the snapshot that was read"),
            Column("epoch", pa.int64(), "the writer's lease"),
            Column("run_id", pa.string(), "the Dagster run"),
            Column("published_at", pa.timestamp("us", "UTC"), "when it became visible"),
            Column("failing", pa.string(), "JSON object: rows that broke a check, by check"),
            Column("rows_quarantined", pa.int64(), "rows put aside"),
        ),
    ),
    owner=OWNER,
)

quarantine = raw(
    "upkeep.raw.quarantine",
    source=Platform(table="quarantine"),
    description="Rows put aside, each in the transaction of those that were kept.",
    contract=Contract(
        grain="one row per time that a row was put aside",
        key=("dataset", "batch_id", "position", "payload"),
        event_time="quarantined_at",
        columns=(
            Column("dataset", pa.string(), "what the row is not part of"),
            Column("batch_id", pa.string(), "what brought it: a batch, the epoch of a publish"),
            Column("position", pa.string(), "where it lay at its source; a computed row's key"),
            Column("reason", pa.string(), "why it was put aside"),
            Column("payload", pa.string(), "the row as JSON", sensitivity=Sensitivity.PERSONAL),
            Column("contract_version", pa.string(), "contract in force"),
            Column("run_id", pa.string(), "the Dagster run"),
            Column("quarantined_at", pa.timestamp("us", "UTC"), "when it was put aside"),
            Column("partition", pa.string(), "of a computed row"),
            Column("rule", pa.string(), "the first rule that a computed row breaks"),
            Column("code_version", pa.string(), "of a computed row"),
            Column("epoch", pa.int64(), "the writer's lease, of a computed row"),
        ),
    ),
    owner=OWNER,
)

drift = raw(
    "upkeep.raw.drift",
    source=Platform(table="drift"),
    description="Columns that sources showed, each in the transaction of the first batch with it.",
    contract=Contract(
        grain="one row per column beyond a contract, per outcome",
        key=("dataset", "column_name", "outcome"),
        event_time="seen_at",
        columns=(
            Column("dataset", pa.string(), "the raw dataset"),
            Column("column_name", pa.string(), "as the source calls it, nested ones by path"),
            Column("outcome", pa.string(), "evolved, diverted, renamed"),
            Column("type", pa.string(), "of the column that holds it"),
            Column("shard", pa.string(), "where it was seen first"),
            Column("position", pa.string(), "the end of the batch that showed it first"),
            Column("batch_id", pa.string(), "that batch"),
            Column("rows", pa.int64(), "rows of that batch with a value"),
            Column("contract_version", pa.string(), "contract in force"),
            Column("run_id", pa.string(), "the Dagster run"),
            Column("seen_at", pa.timestamp("us", "UTC"), "when"),
        ),
    ),
    owner=OWNER,
)

quarantine_verdicts = raw(
    "upkeep.raw.quarantine_verdicts",
    source=Platform(table="quarantine_verdicts"),
    description="What was decided about rows in quarantine; never changed afterwards.",
    contract=Contract(
        grain="one row per decision about a row in quarantine",
        key=("aside_id", "decided_at"),
        event_time="decided_at",
        columns=(
            Column("aside_id", pa.string(), "hash of what makes the row itself"),
            Column("dataset", pa.string(), "what the row was no part of"),
            Column("verdict", pa.string(), "replayed or discarded"),
            Column("reason", pa.string(), "why"),
            Column("decided_by", pa.string(), "a run, a person"),
            Column("contract_version", pa.string(), "contract in force"),
            Column("run_id", pa.string(), "the Dagster run"),
            Column("decided_at", pa.timestamp("us", "UTC"), "when"),
        ),
    ),
    owner=OWNER,
)

checksums = raw(
    "upkeep.raw.checksums",
    source=Platform(table="checksums"),
    description="Each row commits in the transaction that wrote the file, or is first seen later.",
    contract=Contract(
        grain="one row per data file",
        key=("file",),
        event_time="vouched_at",
        columns=(
            Column("dataset", pa.string(), "whose rows the file holds or deletes"),
            Column("file", pa.string(), "path below the lake's folder"),
            Column("bytes", pa.int64(), "its length", unit="bytes"),
            Column("checksum", pa.string(), "how it is summed, with the sum in hexadecimal"),
            Column("origin", pa.string(), "`written` with the file, or `first seen` afterwards"),
            Column("epoch", pa.int64(), "the writer's lease"),
            Column("vouched_at", pa.timestamp("us", "UTC"), "when it was summed"),
        ),
    ),
    owner=OWNER,
)

verifications = raw(
    "upkeep.raw.verifications",
    source=Platform(table="verifications"),
    description="What became of data files: whole, damaged, or not vouched for until then.",
    contract=Contract(
        grain="one row per file and verification",
        key=("file", "verified_at"),
        event_time="verified_at",
        columns=(
            Column("dataset", pa.string(), "whose rows the file holds or deletes"),
            Column("file", pa.string(), "path below the lake's folder"),
            Column("bytes", pa.int64(), "its length in the catalog", unit="bytes"),
            Column("snapshot", pa.int64(), "the first snapshot that reads it"),
            Column("last_snapshot", pa.int64(), "the last that reads it; null for the present"),
            Column("state", pa.string(), "`whole`, `damaged` or `not vouched for`"),
            Column("why", pa.string(), "what is wrong"),
            Column("partitions", pa.string(), "that a damaged file holds rows of"),
            Column("run_id", pa.string(), "the Dagster run, or the command"),
            Column("verified_at", pa.timestamp("us", "UTC"), "when"),
        ),
    ),
    owner=OWNER,
)

verdicts = raw(
    "upkeep.raw.verdicts",
    source=Platform(table="verdicts"),
    description="What was judged of partitions that promises expect, as the book of verdicts has"
    " it; `watermain observe` copies it within minutes, and a correction is a row more.",
    contract=Contract(
        grain="one row per verdict about a partition",
        key=("id",),
        event_time="judged_at",
        columns=(
            Column("id", pa.int64(), "number of the verdict; of a partition the highest counts"),
            Column("dataset", pa.string(), "whose promise it is about"),
            Column("partition", pa.string(), "which of its partitions"),
            Column("due_at", pa.timestamp("us", "UTC"), "when it was due"),
            Column("state", pa.string(), "`good`, `bad`, `excused` or `unknown`"),
            Column("judged_at", pa.timestamp("us", "UTC"), "when it was judged"),
            Column("signed_by", pa.string(), "the evaluator, or who corrected it"),
            Column("why", pa.string(), "in one sentence"),
            Column("ready_at", pa.timestamp("us", "UTC"), "its commit, if it was judged after it"),
        ),
    ),
    owner=OWNER,
)

audit = raw(
    "upkeep.raw.audit",
    source=Platform(table="audit"),
    description="Access that was refused, as the audit log has it; `watermain observe` copies it"
    " within minutes. A refusal that names no dataset is one of this dataset's owner.",
    contract=Contract(
        grain="one row per refusal, or per minute of like ones",
        key=("id",),
        event_time="refused_at",
        columns=(
            Column("id", pa.string(), "number of the entry"),
            Column("refused_at", pa.timestamp("us", "UTC"), "when, or when the minute began"),
            Column("kind", pa.string(), "what was refused: `query`, `unmask`, `key` and others"),
            Column(
                "who",
                pa.string(),
                "an account of the system, or a consumer",
                sensitivity=Sensitivity.PERSONAL,
            ),
            Column("dataset", pa.string(), "which dataset; null where none was named"),
            Column("times", pa.int64(), "how many times"),
            Column("detail", pa.string(), "why, in our own words"),
        ),
    ),
    owner=OWNER,
)
