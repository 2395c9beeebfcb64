"""The rule that every dependency is chosen on purpose."""

from __future__ import annotations

import re
from collections.abc import Mapping

CHOSEN = re.compile(r"([A-Za-z0-9-]+)(?:\[[a-z0-9,]+\])?==(\S+)  # \S.*")
LOCKED = re.compile(r"^([a-z0-9-]+)==(\S+) \\\n    --hash=sha256:", re.MULTILINE)


def dependencies_are_chosen(files: Mapping[str, str]) -> list[str]:
    """Each direct dependency is pinned with a reason, locked with hashes, at no address."""
    locked = dict(LOCKED.findall(files.get("requirements.lock", "")))
    found = []
    for number, line in enumerate(files.get("requirements.in", "").splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        chosen = CHOSEN.fullmatch(line)
        if not chosen:
            found.append(f"requirements.in:{number} is not `name==version  # reason`")
        elif locked.get(chosen.group(1).lower()) != chosen.group(2):
            found.append(f"requirements.in:{number} is not what is locked; run make lock")
    for number, line in enumerate(files.get("requirements.lock", "").splitlines(), 1):
        if "://" in line or line.startswith("-"):
            found.append(f"requirements.lock:{number} names an address or an option")
    return found
