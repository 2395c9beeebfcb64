#!/usr/bin/env bash
# Runs dbt's own tests for adapters over a branch of a lake; further words go to pytest.
#
# The tests are no dependency: they are installed, hash-locked, into a folder of their own that only
# this run looks into, beside the dbt of the environment.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."

lock=tests/services/dbt_suite/suite.lock
folder=.venv-dbt-suite
stamp=$folder/.ready
if [ "$(cat "$stamp" 2>/dev/null)" != "$(sha256sum "$lock")" ]; then
  rm -rf "$folder"
  .venv/bin/python -m pip install --disable-pip-version-check -q --no-deps --require-hashes \
    --target "$folder" -r "$lock"
  sha256sum "$lock" >"$stamp"
fi
PYTHONPATH="$PWD:$PWD/$folder" exec .venv/bin/python -m pytest -c tests/services/dbt_suite/pytest.ini \
  --rootdir "$PWD" -p dbt.tests.fixtures.project -q "$@" tests/services/dbt_suite/suite.py
