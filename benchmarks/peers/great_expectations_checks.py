"""The validation of a Great Expectations suite over a pandas frame.

Run by benchmarks/fixtures/peer.py in an environment that has Great Expectations:
`great_expectations_checks.py RULES`, where RULES is a file of JSON: the files of each table, the
rules of the columns of `lines`. Reading the files into the frame is not timed. A reference is
looked up by pandas: a set of millions of values takes the tool minutes.
"""

import json
import logging
import os
import sys
import time
from pathlib import Path


def suite(gx, rules: dict):
    """Write the rules as a suite; whether a reference is known stands in a column of its own."""
    made = gx.ExpectationSuite(name="lines")
    words = gx.expectations
    made.add_expectation(words.ExpectColumnValuesToBeUnique(column=rules["key"]))
    for name in rules["needed"]:
        made.add_expectation(words.ExpectColumnValuesToNotBeNull(column=name))
    for name, of in {
        **rules["sets"],
        **{f"{n} known": [True] for n in rules["references"]},
    }.items():
        made.add_expectation(words.ExpectColumnValuesToBeInSet(column=name, value_set=of))
    for name, (low, high) in rules["ranges"].items():
        made.add_expectation(
            words.ExpectColumnValuesToBeBetween(column=name, min_value=low, max_value=high)
        )
    for name, pattern in rules["patterns"].items():
        made.add_expectation(
            words.ExpectColumnValuesToMatchRegex(column=name, regex=f"^(?:{pattern})$")
        )
    return made


def main(rules: dict) -> None:
    """Validate once, then tell the seconds, how many expectations were met."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    logging.disable(logging.WARNING)
    import great_expectations as gx
    import pyarrow.parquet as pq

    def frame(table: str):
        return pq.ParquetDataset(rules["files"][table]).read().to_pandas()

    known = {name: frame(table)[name] for name, table in rules["references"].items()}
    lines = frame("lines")
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    asset = context.data_sources.add_pandas("pandas").add_dataframe_asset(name="lines")
    whole = asset.add_batch_definition_whole_dataframe("whole")
    asked = suite(gx, rules)
    began = time.perf_counter()
    for name, values in known.items():
        lines[f"{name} known"] = lines[name].isin(values)
    batch = whole.get_batch(batch_parameters={"dataframe": lines})
    result = batch.validate(asked, result_format="BOOLEAN_ONLY")
    seconds = time.perf_counter() - began
    found = result.results
    print(
        json.dumps(
            {"seconds": seconds, "checks": len(found), "passed": sum(r.success for r in found)}
        )
    )


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text()))
