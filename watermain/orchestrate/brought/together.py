"""A room's datasets beside the plain definitions that its team brings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import dagster as dg

from watermain.declare.dataset import Dataset
from watermain.declare.errors import InvalidDeclarationError, UnknownDatasetError, quoted
from watermain.declare.name import STAGES, DatasetName
from watermain.orchestrate.brought.dataset_frames import ELSEWHERE, KEY, Find, dataset_frames
from watermain.orchestrate.brought.returned import returning
from watermain.orchestrate.policy import beta_accepted, partitions

Brought = Mapping[str, dg.Definitions]
IO_MANAGER = "io_manager"  # what Dagster keeps values by where an asset says nothing


def together(
    room: dg.Definitions, brought: Brought, datasets: Sequence[Dataset], find: Find
) -> dg.Definitions:
    """Assemble a room with what its modules define, each under its module's name.

    Guarantees: a plain asset that names a dataset of any room reads it by the platform's own I/O
    manager; automation conditions are evaluated; the room's executor runs what says no other.
    Raises: InvalidDeclarationError, for what two of them define, or for frames of an asset that
    none of them makes; or UnknownDatasetError.
    """
    _refuse_unmade(brought, datasets)
    if not brought:
        return room
    own = {dg.AssetKey(d.name.key): d for d in datasets}
    assets = [*(a for each in brought.values() for a in each.assets or ())]
    resources = dict(room.resources or {})
    for module, each in brought.items():
        _refuse_executor(module, each)
        _refuse_twice(module, own, each)
        _add(resources, each.resources or {}, module, "resource")
    resources[ELSEWHERE] = dataset_frames(find)
    stubs = {key for asset in assets if not _is_made(asset) for key in _keys(asset)}
    plain = [a for a in assets if _is_made(a) or not _is_dataset(a, own, find)]
    team = datasets[0].name.team if datasets else next(iter(brought)).strip(".").replace(".", "_")
    foreign = sorted(_read(plain, stubs) - own.keys(), key=str)
    return dg.Definitions(
        assets=[*(room.assets or ()), *plain, *_others(foreign, stubs, plain, find)],
        asset_checks=[*_all("asset_checks", room, brought)],
        jobs=[*_all("jobs", room, brought)],
        sensors=[*_all("sensors", room, brought), *_automation(team, plain, brought)],
        schedules=[*_all("schedules", room, brought)],
        resources=resources,
        loggers=_loggers(brought),
        executor=room.executor,
    )


def partitioned(brought: Brought) -> dict[dg.AssetKey, Callable[[], dg.AssetsDefinition]]:
    """The plain assets that have partitions, each with what its I/O manager needs."""
    found: dict[dg.AssetKey, Callable[[], dg.AssetsDefinition]] = {}
    resources = {n: r for each in brought.values() for n, r in (each.resources or {}).items()}
    for asset in [a for each in brought.values() for a in each.assets or ()]:
        if isinstance(asset, dg.AssetsDefinition) and asset.partitions_def is not None:
            found |= dict.fromkeys(asset.keys, partial(_alone, asset, resources))
    return found


def _alone(asset: dg.AssetsDefinition, resources: Mapping[str, Any]) -> dg.AssetsDefinition:
    """An asset that can be loaded by itself; what only its body needs is left out."""
    needed = asset.required_resource_keys
    nothing = dg.ResourceDefinition.none_resource()
    known = {name: resources.get(name, nothing) for name in needed}
    if IO_MANAGER not in resources:
        known.pop(IO_MANAGER, None)  # Dagster brings its own
    (bound,) = dg.with_resources([asset], known)
    return bound


def _all(word: str, room: dg.Definitions, brought: Brought) -> Iterator[Any]:
    for each in (room, *brought.values()):
        yield from getattr(each, word) or ()


def _refuse_unmade(brought: Brought, datasets: Sequence[Dataset]) -> None:
    """Refuse to wait for frames of an asset that the room neither makes nor names."""
    known = {k for each in brought.values() for a in each.assets or () for k in _keys(a)}
    for dataset in datasets:
        for key in returning(dataset):
            if key not in known:
                right = quoted(k.to_user_string() for k in known) or "none: it names no module"
                raise InvalidDeclarationError.nothing_happened(
                    f"{dataset.name} captures the asset {key.to_user_string()}, which the room"
                    " does not make",
                    declared=dataset.declared,
                    next=f"name its module in definitions.py; the room's plain assets are {right}",
                )


def _refuse_executor(module: str, each: dg.Definitions) -> None:
    """Refuse an executor for all jobs: in a room, runs are forked from what is loaded already."""
    if each.executor is not None:
        raise InvalidDeclarationError.nothing_happened(
            f"{module} has an executor for every job, and the room has its own",
            declared=module,
            next="name it where a job needs it: define_asset_job(..., executor_def=...)",
        )


def _refuse_twice(module: str, own: Mapping[dg.AssetKey, Dataset], each: dg.Definitions) -> None:
    for asset in each.assets or ():
        for key in _keys(asset) if _is_made(asset) else ():
            if key in own:
                raise InvalidDeclarationError.nothing_happened(
                    f"{module} makes the asset {key.to_user_string()}, which is a dataset",
                    declared=own[key].declared,
                    next="give the asset another key, or delete the dataset",
                )


def _add(held: dict[str, Any], more: Mapping[str, Any], module: str, what: str) -> None:
    """Add what a module names; the same thing may be named by several.

    Raises: InvalidDeclarationError, for a name that means two things.
    """
    for name, value in more.items():
        if name in (KEY, ELSEWHERE) or held.get(name, value) is not value:
            raise InvalidDeclarationError.nothing_happened(
                f"{module} defines the {what} `{name}`, which the room has already",
                declared=module,
                next=f"give it another name, also where `{name}` is asked for",
            )
        held[name] = value


def _loggers(brought: Brought) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for module, each in brought.items():
        _add(found, each.loggers or {}, module, "logger")
    return found


def _is_made(asset: Any) -> bool:
    """Whether something runs to make it; otherwise it only names what others make."""
    return isinstance(asset, dg.AssetsDefinition) and asset.is_executable


def _keys(asset: Any) -> Iterable[dg.AssetKey]:
    found: Iterable[dg.AssetKey] = getattr(asset, "keys", None) or [asset.key]
    return found


def _is_dataset(asset: Any, own: Mapping[dg.AssetKey, Dataset], find: Find) -> bool:
    """Whether it stands in for a dataset, as plain projects name what other projects make."""
    return all(key in own or _dataset(key, find) is not None for key in _keys(asset))


def _read(assets: Iterable[Any], stubs: Iterable[dg.AssetKey]) -> set[dg.AssetKey]:
    """Every asset that others of them read, or that stood in for one."""
    read = {
        key
        for asset in assets
        if isinstance(asset, dg.AssetsDefinition)
        for spec in asset.specs
        for key in (dep.asset_key for dep in spec.deps)
    }
    return read | set(stubs)


def _others(
    keys: Iterable[dg.AssetKey], stubs: set[dg.AssetKey], plain: Iterable[Any], find: Find
) -> Iterator[dg.AssetSpec]:
    """Datasets of other rooms that plain assets read, so that values of them are found."""
    made = {key for asset in plain for key in _keys(asset)}
    for key in keys:
        dataset = None if key in made else _dataset(key, find, named_by_hand=key in stubs)
        if dataset is not None:
            cut = partitions(dataset.cadence) if dataset.cadence else None
            spec = dg.AssetSpec(key, partitions_def=cut)
            yield spec.with_io_manager_key(ELSEWHERE)


def _dataset(key: dg.AssetKey, find: Find, *, named_by_hand: bool = True) -> Dataset | None:
    """The dataset that a key names; None for the key of a plain asset.

    Raises: UnknownDatasetError, for a room's key that nobody declares, so that no typo is taken
    for an asset outside; who means one names it by an `AssetSpec`.
    """
    from watermain.engine.rooms.declared import teams

    if len(key.path) != 3 or key.path[1] not in STAGES or key.path[0] not in teams():
        return None
    try:
        return find(DatasetName(*key.path))
    except UnknownDatasetError as error:
        if named_by_hand:
            return None
        raise UnknownDatasetError.nothing_happened(
            f"a plain asset reads {'.'.join(key.path)}: {error.what}",
            declared=error.declared,
            next=f"{error.next}; a plain asset of that room is named by `dg.AssetSpec`",
        ) from error


def _automation(
    team: str, assets: Iterable[Any], brought: Brought
) -> Iterator[dg.SensorDefinition]:
    """What evaluates automation conditions of plain assets, unless the team brings its own."""
    keys = [
        spec.key
        for asset in assets
        if isinstance(asset, dg.AssetsDefinition)
        for spec in asset.specs
        if spec.automation_condition is not None
    ]
    own = [s for part in brought.values() for s in part.sensors or ()]
    if not keys or any(isinstance(s, dg.AutomationConditionSensorDefinition) for s in own):
        return
    with beta_accepted():
        yield dg.AutomationConditionSensorDefinition(
            f"{team}_automation_conditions",
            target=dg.AssetSelection.assets(*keys),
            default_status=dg.DefaultSensorStatus.RUNNING,
            description="Evaluates the automation conditions of the room's plain assets.",
        )
