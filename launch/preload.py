"""The imports that a warm process does once for all the runs it forks."""

from __future__ import annotations

import importlib
import traceback
from collections.abc import Iterable

from dagster import Definitions

ALWAYS = ("launch.worker", "launch.executor", "launch.compute_logs", "dagster_postgres")


def preload(names: Iterable[str]) -> dict[str, str]:
    """Import modules, resolve the definitions in them; give the traceback of those that fail.

    A module that fails here fails again in the run that needs it, where Dagster reports it: this
    is the border to other people's code, hence the wide net.
    """
    failures: dict[str, str] = {}
    for name in (*ALWAYS, *names):
        try:
            for value in list(vars(importlib.import_module(name)).values()):
                if isinstance(value, Definitions):
                    value.get_repository_def().get_all_jobs()
        except (Exception, SystemExit):
            failures[name] = traceback.format_exc()
    return failures
