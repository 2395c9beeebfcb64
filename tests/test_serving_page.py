"""The page about serving asks the demo what it can answer."""

from __future__ import annotations

import json
import re
from pathlib import Path

from watermain.engine.rooms.declared import feature_tables
from watermain.serve.feature_server.catalog import Catalog
from watermain.serve.feature_server.question import read_question

PAGE = (Path(__file__).parents[1] / "docs" / "guides" / "serving.md").read_text()


def test_question_is_one_that_the_demo_answers_as_printed() -> None:
    """It names entities of today's tables, and the answer the features of what is asked."""
    asked, printed = re.findall(r"```json\n(.*?)```", PAGE, re.S)
    catalog = Catalog({d.name: d for d in feature_tables().values()})
    question = read_question(asked.encode(), catalog)
    tables = json.loads(printed)["tables"]
    assert [(t["table"], t["version"]) for t in tables] == [
        (part.name, part.chosen.feature.version) for part in question.plan.parts
    ]
    for table, part in zip(tables, question.plan.parts, strict=True):
        assert len(table["features"]) == question.rows == 2
        assert [[*row] for row in table["features"]] == [[*part.chosen.columns]] * 2
