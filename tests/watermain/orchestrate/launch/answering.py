"""A module that answers one question, or does what that asks for instead."""

from __future__ import annotations

import json
import os
import sys
import time


def main() -> None:
    """Say who answers, and to what."""
    question = sys.stdin.read()
    if question == "wait":
        time.sleep(600)
    if question == "die":
        os.abort()
    if question == "fail":
        raise KeyError("a defect of ours")
    if question.startswith("no"):
        sys.exit(question)
    told = "much " * 1_000_000 if question == "much" else question
    json.dump([told, os.getppid(), "dagster" in sys.modules, os.environ.get("SAYS")], sys.stdout)


if __name__ == "__main__":
    main()
