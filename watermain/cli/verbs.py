"""The verbs of `watermain`."""

from __future__ import annotations

from watermain.cli.lazy_group import Verb

# What stands here is all that `watermain --help` reads; a test holds it to the commands themselves.
VERBS: dict[str, Verb] = {
    "init": Verb(
        "watermain.cli.init:init",
        "Write a project: a room with a source and a mart, its tests, and its CI recipe.",
    ),
    "check": Verb(
        "watermain.cli.look.check:check",
        "Load every room and the dbt project, and say what is wrong in them.",
    ),
    "test": Verb(
        "watermain.cli.look.test:run_tests",
        "Run the tests of one room: those in its folder, and those that import it.",
        takes="room",
    ),
    "up": Verb(
        "watermain.cli.platform.up:up",
        "Start the platform, capture what waits, materialize everything and serve Dagster.",
    ),
    "down": Verb(
        "watermain.cli.platform.down:down",
        "Stop every process that `watermain up` started; safe when nothing runs.",
    ),
    "status": Verb(
        "watermain.cli.platform.status:status",
        "Tell which services run and how every dataset stands. Ends with 3 when a service is down.",
    ),
    "list": Verb(
        "watermain.cli.catalog.list:list_",
        "List the datasets with cadence, rows, last publish and owner, room by room.",
        takes="room",
    ),
    "search": Verb(
        "watermain.cli.catalog.search:search",
        "Find datasets by words of their names, descriptions, columns and owners.",
    ),
    "describe": Verb(
        "watermain.cli.catalog.describe:describe",
        "Tell what a dataset holds: grain, columns, checks, promise, inputs and readers.",
        takes="dataset",
    ),
    "history": Verb(
        "watermain.cli.look.history:history",
        "List what was published of a dataset, newest first: who, when, why, and the snapshot.",
        takes="dataset",
    ),
    "runs": Verb(
        "watermain.cli.look.runs:runs",
        "List the last runs, newest first: what of, which partitions, and how each went.",
    ),
    "logs": Verb(
        "watermain.cli.look.logs:logs",
        "Tell what happened in a run, line by line; first of all, why it failed.",
    ),
    "run": Verb(
        "watermain.cli.run.run:run",
        "Have the running platform compute a dataset, and tell how it goes.",
        takes="dataset",
    ),
    "materialize": Verb(
        "watermain.cli.run.materialize:materialize",
        "Run a dataset through Dagster in this process: stage, audit and publish.",
        takes="dataset",
    ),
    "sql": Verb(
        "watermain.cli.look.sql:sql",
        "Answer one select over datasets, all read from one pinned snapshot.",
    ),
    "files": Verb(
        "watermain.cli.look.files:files",
        "List the files that hold a dataset, each with the rows of it that were deleted since.",
        takes="dataset",
    ),
    "explain": Verb(
        "watermain.cli.look.explain:explain",
        "Tell a dataset's contract, neighbours, publishes, check results and positions.",
        takes="dataset",
    ),
    "trace": Verb(
        "watermain.cli.look.trace:trace",
        "Walk back from a published partition to the traces of the batches and messages it came"
        " from.",
        takes="dataset",
    ),
    "stale": Verb(
        "watermain.cli.run.stale:stale",
        "List the partitions that are due, why, and what becomes of each.",
    ),
    "replay": Verb(
        "watermain.cli.run.replay:replay",
        "Rebuild a dataset, and everything between raw and it, from raw alone.",
        takes="dataset",
    ),
    "stream": Verb(
        "watermain.cli.run.stream:stream",
        "Capture datasets as their rows arrive, and compute what follows, until told to stop.",
    ),
    "diff": Verb(
        "watermain.cli.look.diff:diff",
        "Build a dataset beside what is published and tell how they differ; readers see nothing.",
        takes="dataset",
    ),
    "rollback": Verb(
        "watermain.cli.run.rollback:rollback",
        "Restore a dataset in one transaction, and then tell downstream.",
        takes="dataset",
    ),
    "compact": Verb(
        "watermain.cli.run.compact:compact",
        "Write small files of the lake again as few, and prove their rows unchanged.",
        takes="dataset",
    ),
    "verify": Verb(
        "watermain.cli.run.verify:verify",
        "Read data files from beginning to end, and hold them to their checksums in the ledger.",
        takes="dataset",
    ),
    "listen": Verb(
        "watermain.cli.listen.listen:listen",
        "Take the events of every declared webhook: signature proved, on the disk, and then 202.",
    ),
    "serve": Verb(
        "watermain.cli.listen.serve:serve",
        "Answer questions for the newest features of entities, out of the online store.",
    ),
    "sweep": Verb(
        "watermain.cli.run.sweep:sweep",
        "Take away files of the lake that no catalog names and that writers which died have left.",
    ),
    "doctor": Verb(
        "watermain.cli.platform.doctor:doctor",
        "Look at all that the platform needs; tell what to run where something fails.",
    ),
    "observe": Verb(
        "watermain.cli.platform.observe:app",
        "Judge every promise as it becomes due and tell people, until told to stop.",
    ),
    "console": Verb(
        "watermain.cli.listen.console:console",
        "Serve pages on which promises, alerts and datasets are seen; they change nothing.",
    ),
    "tend": Verb(
        "watermain.cli.platform.tend:tend",
        "Start again every service that dies, until `watermain down`.",
        is_hidden=True,
    ),
    "new": Verb(
        "watermain.cli.new:app",
        "Write the files of a new room, dataset or source.",
    ),
    "adopt": Verb(
        "watermain.cli.adopt.adopt:adopt",
        "Declare tables that stand elsewhere, and bring their history into the lake.",
    ),
    "alert": Verb(
        "watermain.cli.tell.alert:app",
        "See what people are told of, take it on, try the ways to them.",
    ),
    "incident": Verb(
        "watermain.cli.tell.incident:app",
        "Follow what went wrong, until a check proves that it stays away.",
    ),
    "runbook": Verb(
        "watermain.cli.tell.runbook:app",
        "Read what to do about a symptom, and do it for one partition.",
    ),
    "gameday": Verb(
        "watermain.cli.gameday.gameday:gameday",
        "Provoke failures on a small platform of its own, and tell what came of each.",
    ),
    "branch": Verb(
        "watermain.cli.branch:app",
        "Work beside what readers see.",
    ),
    "consumer": Verb(
        "watermain.cli.listen.consumer:app",
        "Give, list or take away keys of the feature server.",
    ),
    "contract": Verb(
        "watermain.cli.contract:app",
        "Write contracts down, read them and hold code to them.",
    ),
    "features": Verb(
        "watermain.cli.features:app",
        "See feature tables, compare versions and fill stores.",
    ),
    "slo": Verb(
        "watermain.cli.promise.slo:app",
        "See whether promises are kept, and write them down.",
    ),
    "vote": Verb(
        "watermain.cli.tell.vote:app",
        "Say how well a dataset serves you, from 1 to 5, and see what others said.",
    ),
    "quarantine": Verb(
        "watermain.cli.quarantine:app",
        "See, replay or discard rows that were put aside.",
    ),
}
