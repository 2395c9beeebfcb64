#!/usr/bin/env bash
# Installs a tool, hash-locked, into a folder of its own: its pins are not ours.
#
# Takes the tool's name with its lock, for `.venv-<name>`. The stamp says which lock the folder was
# built from; a folder without it is built again.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

name=$1
lock=$2
venv=.venv-$name
stamp=$venv/.ready

[ "$(cat "$stamp" 2>/dev/null)" != "$(sha256sum "$lock")" ] || exit 0
echo "installing $name"
rm -rf "$venv"
.venv/bin/python -m venv "$venv"
"$venv/bin/python" -m pip install --disable-pip-version-check -q --no-deps --require-hashes -r "$lock"
sha256sum "$lock" >"$stamp"
