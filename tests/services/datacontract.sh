#!/usr/bin/env bash
# Installs datacontract-cli, hash-locked, into a folder of its own: its pins are not ours.
#
# The stamp says which lock the folder was built from; a folder without it is built again.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

lock=tests/services/datacontract.lock
venv=.venv-datacontract
stamp=$venv/.ready

[ "$(cat "$stamp" 2>/dev/null)" != "$(sha256sum "$lock")" ] || exit 0
echo "service tests: installing datacontract-cli"
rm -rf "$venv"
.venv/bin/python -m venv "$venv"
"$venv/bin/python" -m pip install --disable-pip-version-check -q --require-hashes -r "$lock"
sha256sum "$lock" >"$stamp"
