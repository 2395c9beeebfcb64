#!/usr/bin/env bash
# Installs Feast, hash-locked, into a folder of its own: its pins are not ours.
#
# The stamp says which lock the folder was built from; a folder without it is built again.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

lock=benchmarks/peers/feast.lock
venv=.venv-feast
stamp=$venv/.ready

[ "$(cat "$stamp" 2>/dev/null)" != "$(sha256sum "$lock")" ] || exit 0
echo "service tests: installing Feast"
rm -rf "$venv"
.venv/bin/python -m venv "$venv"
"$venv/bin/python" -m pip install --disable-pip-version-check -q --no-deps --require-hashes -r "$lock"
sha256sum "$lock" >"$stamp"
