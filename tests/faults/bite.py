"""Planted defects, each found by the harness that finds nothing without them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.faults import answers, contracts, crew
from tests.faults.campaign import world
from tests.faults.fidelity import faithful
from tests.faults.outcome import Bench, Outcome
from tests.faults.zombies import TWINS, opened, zombies


@dataclass(frozen=True)
class Plant:
    """A defect, the kind of ingest it lies in, where a kill shows it, what is then said.

    `rounds` of further writes and captures are looked at, for what needs a past to go wrong.
    """

    kind: str
    place: str
    says: str
    rounds: int = 0


KILLED = {
    "acknowledge_before_commit": Plant("postgres", "ingest.before_transaction", "past the ledger"),
    "ledger_outside_the_transaction": Plant("postgres", "ingest.after_commit", "raw: "),
    "skip_a_batch": Plant("postgres", "ingest.before_acknowledge", "ends at"),
    "repeat_a_batch": Plant("postgres", "ingest.before_acknowledge", "raw: "),
    "half_transaction": Plant("postgres", "ingest.before_transaction", "missing"),
    "dropped_rejects": Plant("files", "ingest.after_commit", "rows in quarantine"),
    "offset_off_by_one": Plant("kafka", "ingest.after_commit", "missing"),
    "dedupe_across_shards": Plant("mqtt", "ingest.before_transaction", "missing"),
    "dropped_late_rows": Plant("rest", "ingest.before_transaction", "missing", rounds=20),
}


def killed(bench: Bench, name: str, *, planted: bool = True) -> list[str]:
    """Kill once where the defect hurts, recover; give what the oracle says."""
    plant = KILLED[name]
    folder = bench.folder / f"{name}_{planted}"
    folder.mkdir()
    with world(bench.systems, folder, seed=11, kind=plant.kind) as made:
        assert made.judged(made.order(*made.recovery)) == []
        made.defect = name if planted else None
        made.outside.write(30)
        order = made.order("capture", failpoint=f"{plant.place}=kill", at="capture")
        assert crew.run(order).killed
        standing = made.judged(made.order("standing", "inspect"))
        early = [each for each in standing if "acknowledged" in each]
        wrong = early + made.judged(made.order(*made.recovery))
        for _ in range(plant.rounds):
            if wrong:
                break
            made.outside.write(4)
            wrong = made.judged(made.order(*made.recovery))
        return wrong


def answer(bench: Bench, *, planted: bool = True) -> list[str]:
    """Lose the answers to three commits."""
    return answers.campaign(bench, 3, 1, "cleanup_on_unknown" if planted else None).problems


def zombie(bench: Bench, *, planted: bool = True) -> list[str]:
    """Let a writer sleep past its lease."""
    stage = opened(bench, f"epoch_{planted}")
    defect = "no_epoch_check" if planted else None
    return [e for e in zombies(stage, TWINS[:1], nth=2, defect=defect) if e != "LostLeaseError"]


def reader(bench: Bench, *, planted: bool = True) -> list[str]:
    """Look while a publish stands before its commit."""
    stage = opened(bench, f"reader_{planted}")
    stage.run("publish").results  # noqa: B018
    stage.arrive()
    defect = "no_transaction" if planted else None
    place = "publish.after_stage=pause"
    writer = stage.start("publish", failpoint=place, at="publish", defect=defect)
    assert writer.stopped()
    seen = stage.seen()
    writer.kill()
    writer.wait()
    return [] if seen == stage.picture(1) else [f"a reader sees {seen}"]


def faithless(bench: Bench, name: str, *, planted: bool = True) -> list[str]:
    """Take boundary values through the kind in which the defect lies."""
    defect = name if planted else None
    return faithful(bench, FAITHLESS[name][0], defect, big_bytes=70_000)


FAITHLESS = {
    "unchanged_toast_to_null": ("postgres", "said"),
    "float_json": ("rest", "exact"),
    "naive_time": ("webhook", "moment"),
}
Find = Callable[..., list[str]]
OTHERS: dict[str, tuple[Find, str]] = {
    "cleanup_on_unknown": (answer, "retry ended"),
    "no_epoch_check": (zombie, "committed"),
    "no_transaction": (reader, "a reader sees"),
}
COMMANDED = {
    "verdicts_after_the_commit": "raw rows: ",
    "promotion_in_pieces": "between: a reader sees",
    "rows_aside_left_behind": "open rows: ",
}
PLANTS = (*KILLED, *OTHERS, *FAITHLESS, *COMMANDED)


def found(bench: Bench, name: str, *, planted: bool = True) -> tuple[list[str], str]:
    """What the harness says of a defect, beside the words that are expected in it."""
    if name in KILLED:
        return killed(bench, name, planted=planted), KILLED[name].says
    if name in FAITHLESS:
        return faithless(bench, name, planted=planted), FAITHLESS[name][1]
    if name in COMMANDED:
        return contracts.bitten(bench, name, planted=planted), COMMANDED[name]
    find, says = OTHERS[name]
    return find(bench, planted=planted), says


def campaign(bench: Bench, count: int, seed: int) -> Outcome:
    """Plant that many defects one after another, each beside the same fault without it."""
    figures, problems = {}, []
    for name in PLANTS[:count]:
        wrong, says = found(bench, name)
        print(f"  {name}: {wrong[:1]}", flush=True)  # noqa: T201
        if not any(says in each for each in wrong):
            problems.append(f"{name} is not found: {wrong}")
        figures[name] = next((each for each in wrong if says in each), "not found")
        problems += [f"without {name}: {w}" for w in found(bench, name, planted=False)[0]]
    return Outcome(count=len(figures), figures=figures, problems=problems)
