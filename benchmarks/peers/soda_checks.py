"""The verification of a Soda contract in DuckDB over Parquet files.

Run by benchmarks/fixtures/peer.py in an environment that has Soda: `soda_checks.py RULES`, where
RULES is a file of JSON: the files of each table, the rules of the columns of `lines`.
"""

import json
import logging
import os
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory


def contract(rules: dict) -> dict:
    """Write the rules as a Soda contract."""
    checks: dict[str, list[dict]] = {rules["key"]: [{"duplicate": {}}]}
    for name in rules["needed"]:
        checks.setdefault(name, []).append({"missing": {}})
    validity = [
        *((name, {"valid_values": of}) for name, of in rules["sets"].items()),
        *(
            (name, {"valid_min": low, "valid_max": high})
            for name, (low, high) in rules["ranges"].items()
        ),
        *(
            (name, {"valid_format": {"regex": f"^(?:{pattern})$", "name": name}})
            for name, pattern in rules["patterns"].items()
        ),
        *(
            (
                name,
                {
                    "valid_reference_data": {
                        "dataset": f"duckdb/memory/main/{table}",
                        "column": name,
                    }
                },
            )
            for name, table in rules["references"].items()
        ),
    ]
    for number, (name, words) in enumerate(validity):
        checks.setdefault(name, []).append({"invalid": {**words, "qualifier": str(number)}})
    columns = [{"name": name, "checks": asked} for name, asked in checks.items()]
    return {"dataset": "duckdb/memory/main/lines", "columns": columns}


def main(rules: dict) -> None:
    """Verify once, then tell the seconds, how many checks passed."""
    os.environ["SODA_CORE_TELEMETRY_ENABLED"] = "false"
    import duckdb
    from soda_core.contracts import verify_contract_locally
    from soda_duckdb import DuckDBDataSource

    logging.disable(logging.CRITICAL)
    with TemporaryDirectory() as folder, duckdb.connect() as connection:
        connection.execute("set threads = 2")
        for table, files in rules["files"].items():
            connection.execute(f"create view {table} as select * from read_parquet({files})")
        path = Path(folder) / "contract.yml"
        path.write_text(json.dumps(contract(rules)))  # JSON is YAML
        began = time.perf_counter()
        result = verify_contract_locally(
            data_sources=[DuckDBDataSource.from_existing_cursor(connection.cursor(), "duckdb")],
            contract_file_path=str(path),
        )
        seconds = time.perf_counter() - began
    if not result.is_ok:
        raise SystemExit(result.get_errors_str())
    found = result.contract_verification_results[0].check_results
    passed = sum(str(each.outcome.value).lower() == "passed" for each in found)
    print(json.dumps({"seconds": seconds, "checks": len(found), "passed": passed}))


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text()))
