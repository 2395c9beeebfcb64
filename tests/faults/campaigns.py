"""Every campaign with its count, with what must hold in it."""

from __future__ import annotations

from tests.faults import (
    alerts,
    answers,
    bite,
    contracts,
    fidelity,
    fullness,
    lateness,
    one_room,
    parities,
    poison,
    restarts,
    rotations,
    store,
    typed_values,
    zombies,
)
from tests.faults.campaign import campaign, p95
from tests.faults.outcome import Bench, Campaign, Outcome
from tests.watermain.source import rest_campaign, webhook_campaign

SLOWEST_RECOVERY_SECONDS = 30


def kills(bench: Bench, count: int, seed: int) -> Outcome:
    """Kill captures of every kind, a third of them while they make good a kill."""
    tally = campaign(bench.systems, bench.folder, kills=count, seed=seed)
    slow = p95(tally.recoveries)
    late = [f"p95 of recovery is {slow:.1f} s"] if slow > SLOWEST_RECOVERY_SECONDS else []
    return Outcome(
        count=tally.kills.total(),
        figures={
            "while recovering": tally.while_recovering,
            "recovery p95, s": round(slow, 1),
            "slowest recovery, s": round(max(tally.recoveries, default=0.0), 1),
            "not reached": tally.survived,
            "changes written, of the last worlds": tally.changes,
            "data files checked": tally.files,
            **dict(sorted(tally.kills.items())),
        },
        problems=tally.problems + late,
    )


def rest(bench: Bench, count: int, seed: int) -> Outcome:
    """Spoil the answers of a REST endpoint."""
    return Outcome(**rest_campaign.campaign(count, seed))


def webhooks(bench: Bench, count: int, seed: int) -> Outcome:
    """Kill the endpoint that takes webhooks, while senders send."""
    return Outcome(**webhook_campaign.campaign(count, seed))


def secrets(bench: Bench, count: int, seed: int) -> Outcome:
    """Rotate the secret of each guarded kind, while things arrive."""
    found = rotations.campaign(count, seed)
    figures = {
        f"{kind} {what}": n for kind, seen in found["figures"].items() for what, n in seen.items()
    }
    if found["left_out"]:
        figures["left out"] = found["left_out"]
    return Outcome(count=found["count"], figures=figures, problems=found["problems"])


CAMPAIGNS: dict[str, Campaign] = {
    "kills": Campaign(
        holds="`kill -9` during ingest of six kinds: nothing lost, doubled, changed",
        count=1000,
        run=kills,
    ),
    "contracts": Campaign(
        holds="`kill -9` of publish, quarantine, replay, discard, branch, promote, rollback:"
        " nothing lost, doubled, half seen",
        count=300,
        run=contracts.campaign,
    ),
    "alerts": Campaign(
        holds="`kill -9` of who evaluates alerts, delivers them to a service that at times refuses:"
        " each telling arrives, one id each",
        count=200,
        run=alerts.campaign,
    ),
    "answers": Campaign(
        holds="connection cut between a commit and its answer: the outcome is found out,"
        " no committed file is deleted",
        count=100,
        run=answers.campaign,
    ),
    "zombies": Campaign(
        holds="a writer stopped past its lease: its commit is refused",
        count=100,
        run=zombies.campaign,
    ),
    "disk-full": Campaign(
        holds="disk full to different levels: nothing half-published, a retry publishes",
        count=50,
        run=fullness.campaign,
    ),
    "lake-restarts": Campaign(
        holds="PostgreSQL of the lake restarted, half by `kill -9`",
        count=40,
        run=restarts.lake_database,
    ),
    "store": Campaign(
        holds="store of the lake's files gone, hung, refusing, busy, cut off in mid-transfer;"
        " writers killed between upload and commit: nothing lost, doubled, left behind",
        count=100,
        run=store.campaign,
    ),
    "source-restarts": Campaign(
        holds="PostgreSQL of a source restarted, half by `kill -9`",
        count=40,
        run=restarts.source_database,
    ),
    "kafka-restarts": Campaign(
        holds="Apache Kafka restarted, half by `kill -9`", count=40, run=restarts.kafka
    ),
    "mqtt-restarts": Campaign(
        holds="mosquitto restarted, half by `kill -9`", count=40, run=restarts.mosquitto
    ),
    "rest": Campaign(
        holds="answers of REST endpoints spoilt: nothing lost, doubled, asked too fast",
        count=500,
        run=rest,
    ),
    "webhooks": Campaign(
        holds="endpoint of webhooks killed: each event accepted is captured once",
        count=200,
        run=webhooks,
    ),
    "rotations": Campaign(
        holds="secret of each guarded kind rotated under load: told once, then taken",
        count=20,
        run=secrets,
    ),
    "lateness": Campaign(
        holds="events out of order, late: readers refreshed by partition hold what one batch gives",
        count=300,
        run=lateness.campaign,
    ),
    "parity": Campaign(
        holds="online store of a million keys killed, flushed while changes are pushed:"
        " afterwards each value is the lake's",
        count=20,
        run=parities.campaign,
    ),
    "fidelity": Campaign(
        holds="boundary values of each type through each kind: exact, or refused with a reason",
        count=1500,
        run=fidelity.campaign,
    ),
    "poison": Campaign(
        holds="poison records of nine kinds among good ones: each kept equal or aside, alone",
        count=2700,
        run=poison.campaign,
    ),
    "types": Campaign(
        holds="spellings of each type through each kind but MQTT: what they say, or aside",
        count=3000,
        run=typed_values.campaign,
    ),
    "rooms": Campaign(
        holds="one room edited, broken, mended under load: no run, backfill, tick fails anywhere,"
        " no code location is ever dark",
        count=40,
        run=one_room.campaign,
    ),
    "bite": Campaign(
        holds="planted defects: each is found", count=len(bite.PLANTS), run=bite.campaign
    ),
}
