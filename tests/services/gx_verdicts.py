"""The verdicts of Great Expectations over small tables.

Run in an environment that has the tool: takes cases as JSON on standard input, each the type of an
expectation, its words and a table of columns with their types; gives a verdict for each, or what
the tool says of words that it does not take.
"""

import json
import logging
import os
import sys


def main() -> None:
    """Judge each case."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    logging.disable(logging.WARNING)
    import great_expectations as gx
    import pandas as pd
    from great_expectations.core.expectation_suite import ExpectationSuite

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    whole = (
        context.data_sources.add_pandas("pandas")
        .add_dataframe_asset(name="rows")
        .add_batch_definition_whole_dataframe("whole")
    )
    told = []
    for case in json.load(sys.stdin):
        frame = pd.DataFrame(
            {n: pd.array(v, dtype=case["kinds"][n]) for n, v in case["rows"].items()}
        )
        batch = whole.get_batch(batch_parameters={"dataframe": frame})
        one = {"type": case["type"], "kwargs": case["kwargs"]}
        try:
            suite = ExpectationSuite(name="one", expectations=[one])
            told.append(bool(batch.validate(suite).success))
        except Exception as error:  # whatever the tool says of words that it does not take
            told.append(f"{type(error).__name__}: {error}"[:200])
    json.dump(told, sys.stdout)


if __name__ == "__main__":
    main()
