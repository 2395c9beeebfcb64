"""Unit tests of dbt models, run by dbt over tables without a row."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.house.tree import DBT as PROJECT
from tests.watermain.dbt.museum import READS, ROOM, project
from watermain.dbt.dbt import load_manifest, prepare_manifest
from watermain.dbt.dbt_fault import faults_of
from watermain.engine.mart.beside.unit_test import UnitVerdict, run_unit_tests, unit_tests
from watermain.engine.rooms.from_dbt import marts, promised
from watermain.settings import Settings

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

KEPT = ("semantic_models", "metrics", "saved_queries", "exposures")
AIRCRAFT = 'source("operations_curated", "aircraft")'
SHOUT = f"""select
    upper(tail_number) as shouted,
    '{{{{ var("suffix", "plain") }}}}' as suffix,
    '{{{{ env_var("SHOUT_BY", "nobody") }}}}' as shouted_by,
    {{{{ loudness() }}}} as loudness
from {{{{ {AIRCRAFT} }}}}
where seats > 100"""
LATEST = (
    '{{ config(materialized="table") }}\nselect shouted from {{ ref("fct_shouted") }}\n'
    '{% if var("again", false) %} where shouted not in (select shouted from {{ this }}) {% endif %}'
)
UNITS = f"""unit_tests:
  - name: large_ones_shout
    model: fct_shouted
    given:
      - input: {AIRCRAFT}
        rows:
          - {{tail_number: n1, seats: 200}}
          - {{tail_number: n2, seats: 50}}
    expect:
      rows: [{{shouted: N1, suffix: plain, shouted_by: nobody, loudness: 1}}]
  - name: words_are_given
    model: fct_shouted
    overrides:
      vars: {{suffix: aft}}
      env_vars: {{SHOUT_BY: crew}}
      macros: {{loudness: 7}}
    given:
      - input: {AIRCRAFT}
        format: csv
        rows: |
          tail_number,seats
          n1,200
    expect:
      format: sql
      rows: select 'N1' as shouted, 'aft' as suffix, 'crew' as shouted_by, 7 as loudness
  - name: rows_of_a_file
    model: fct_shouted
    given: [{{input: '{AIRCRAFT}', format: csv, fixture: tails}}]
    expect: {{rows: [{{shouted: N3}}, {{shouted: N4}}]}}
  - name: this_is_given
    model: fct_again
    overrides: {{vars: {{again: true}}}}
    given:
      - {{input: ref("fct_shouted"), rows: [{{shouted: A}}, {{shouted: B}}]}}
      - {{input: this, rows: [{{shouted: A}}]}}
    expect: {{rows: [{{shouted: B}}]}}
  - name: wrong_on_purpose
    model: fct_shouted
    given: [{{input: '{AIRCRAFT}', rows: [{{tail_number: n1, seats: 200}}]}}]
    expect: {{rows: [{{shouted: n1}}]}}
  - name: no_such_column
    model: fct_shouted
    given: [{{input: '{AIRCRAFT}', rows: [{{tail: n1}}]}}]
    expect: {{rows: [{{shouted: n1}}]}}
  - name: of_a_broken_model
    model: fct_broken
    given: [{{input: ref("fct_shouted"), rows: [{{shouted: n1}}]}}]
    expect: {{rows: [{{shouted: n1}}]}}
  - name: of_nothing
    model: fct_nowhere
    given: []
    expect: {{rows: []}}
"""
OTHERS = """semantic_models:
  - name: shouts
    model: ref('fct_shouted')
    defaults: {agg_time_dimension: shouted_on}
    entities: [{name: shout, type: primary, expr: shouted}]
    dimensions: [{name: shouted_on, type: time, type_params: {time_granularity: day}}]
    measures: [{name: shouts_heard, agg: count, expr: shouted}]
metrics:
  - {name: shouts_heard, label: Shouts, type: simple, type_params: {measure: shouts_heard}}
saved_queries:
  - name: all_shouts
    query_params: {metrics: [shouts_heard]}
exposures:
  - name: board
    type: dashboard
    owner: {email: ada@example.com}
    depends_on: [ref('fct_shouted')]
  - name: lost
    type: dashboard
    owner: {email: ada@example.com}
    depends_on: [ref('fct_gone')]
models:
  - name: fct_days
    time_spine: {standard_granularity_column: day}
    columns: [{name: day, granularity: day}]
"""
FILES: dict[str, str | bytes] = {
    "dbt_project.yml": (PROJECT / "dbt_project.yml").read_text()
    + 'on-run-start: ["drop table nothing"]\n',
    "macros/loudness.sql": "{% macro loudness() %}1{% endmacro %}\n",
    "tests/fixtures/tails.csv": "tail_number,seats\nn3,300\nn4,400\n",
    f"{ROOM}/fct_shouted.sql": SHOUT,
    f"{ROOM}/fct_again.sql": LATEST,
    f"{ROOM}/fct_broken.sql": 'select * from {{ ref("fct_shouted") }} where {% if %}',
    f"{ROOM}/units.yml": UNITS,
    f"{ROOM}/others.yml": OTHERS,
    f"{ROOM}/fct_days.sql": f"select date '2013-01-01' as day where exists ({READS})",
    "models/marts/weather/dim_calm.sql": READS,
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project."""
    return project(tmp_path_factory.mktemp("units") / "dbt_project", FILES)


@pytest.fixture(scope="module")
def manifest(made: Path) -> Path:
    """What it compiles to."""
    return prepare_manifest(Settings(data_dir=PROJECT / "target" / "units"), made)


@pytest.fixture(scope="module")
def verdicts(made: Path, manifest: Path) -> dict[str, UnitVerdict]:
    """What becomes of each unit test, by its name."""
    assert unit_tests(manifest, "weather") == []
    return {v.name: v for v in run_unit_tests(manifest, promised, "operations", made)}


@pytest.mark.parametrize(
    "name", ["large_ones_shout", "words_are_given", "rows_of_a_file", "this_is_given"]
)
def test_unit_test_passes(verdicts: dict[str, UnitVerdict], name: str) -> None:
    """Rows as mappings, CSV, SQL or a file; variables and macros given; the table itself given."""
    assert (verdicts[name].status, verdicts[name].told) == ("pass", "")


def test_unit_test_that_fails_shows_the_rows_that_differ(verdicts: dict[str, UnitVerdict]) -> None:
    """What was expected beside what came, as dbt prints it."""
    found = verdicts["wrong_on_purpose"]
    assert found.status == "fail"
    assert "n1" in found.told
    assert "N1" in found.told
    assert found.declared == f"dbt_project/{ROOM}/units.yml:1"


def test_unit_test_that_cannot_run_is_named(verdicts: dict[str, UnitVerdict]) -> None:
    """One whose rows are wrong; one of a model that does not compile."""
    assert verdicts["no_such_column"].status == "error"
    assert "tail" in verdicts["no_such_column"].told
    assert verdicts["of_a_broken_model"].status == "not run"


def test_what_other_tools_read_stays_in_the_manifest(manifest: Path) -> None:
    """Semantic models, metrics, saved queries, exposures; a wrong one is told, alone."""
    found = load_manifest(manifest)
    kept = {word: {n["name"] for n in found[word].values()} for word in KEPT}
    assert kept == {
        "semantic_models": {"shouts"},
        "metrics": {"shouts_heard"},
        "saved_queries": {"all_shouts"},
        "exposures": {"board"} | kept["exposures"] & {"lost"},
    }
    (lost,) = (f for f in faults_of(found) if "fct_gone" in f.what)
    assert lost.path == f"{ROOM}/others.yml"
    darkened = {d.name.table for d in marts("operations", manifest) if d.broken}
    assert darkened == {"fct_broken"}
