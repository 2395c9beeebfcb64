"""Dagster's daemon as the platform runs it."""

from __future__ import annotations

from dagster._daemon.cli import main

from watermain.orchestrate.instance.watch import watch_calmly

if __name__ == "__main__":
    watch_calmly()
    main()
