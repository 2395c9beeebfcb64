"""An answer goes to a table, a stream or a file, never whole through memory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from tests.watermain.cli.look.test_sql import FLIGHTS, PEOPLE, people
from watermain.__main__ import app
from watermain.lake.lake import Lake

__all__ = ["people"]
MANY = "select i as number, 'word ' || i as word from range(3000) t(i)"
MOST_BYTES = 500 * 2**20
# The largest memory that the process ever had, told at its end.
MEASURED = """
import sys
from pathlib import Path
from watermain.__main__ import app
app(sys.argv[1:], standalone_mode=False)
told = Path("/proc/self/status").read_text()  # getrusage counts the parent's memory, too
print(f"used {int(told.split('VmHWM:')[1].split()[0]) * 1024}", file=sys.stderr)
"""


def sql(*words: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["sql", *words])
    return done.exit_code, done.stdout, done.stderr


def test_table_ends_after_a_thousand_rows_and_says_so(people: Lake) -> None:
    """On stderr, with the two ways to get them all."""
    code, out, err = sql(MANY)
    assert code == 0
    assert len(out.splitlines()) == 1 + 1000
    assert out.splitlines()[-1].split() == ["999", "word", "999"]
    assert err.startswith("the first 1,000 rows as of snapshot ")
    assert err.endswith("; more were left out: --limit 0 prints all, --csv too\n")


@pytest.mark.parametrize(("limit", "rows"), [("0", 3000), ("2", 2), ("3000", 3000)])
def test_limit_is_what_somebody_says(people: Lake, limit: str, rows: int) -> None:
    """Nought is none; as many as there are leave nothing out."""
    for form, head in (("table", 1), ("csv", 1)):
        code, out, err = sql(MANY, "--limit", limit, "--format", form)
        assert (code, len(out.splitlines())) == (0, head + rows)
        assert ("left out" in err) is (rows < 3000)
    assert len(json.loads(sql(MANY, "--limit", limit, "--format", "json")[1])) == rows


def test_csv_has_every_row(people: Lake) -> None:
    """Nothing is said beside them."""
    code, out, err = sql(MANY, "--csv")
    assert (code, len(out.splitlines()), err) == (0, 3001, "")


def test_file_holds_every_row_in_the_form_of_its_name(people: Lake, tmp_path: Path) -> None:
    """Parquet keeps the types; what stood there before is replaced whole."""
    for name in ("a.parquet", "a.csv", "a.json"):
        (tmp_path / name).write_text("something else")
        code, out, err = sql(MANY, "--output", str(tmp_path / name))
        assert (code, out) == (0, "")
        assert err.startswith(f"{tmp_path / name}: 3,000 rows as of snapshot ")
    table = pq.read_table(tmp_path / "a.parquet")
    assert (table.num_rows, table.schema.names) == (3000, ["number", "word"])
    assert str(table.schema.field("number").type) == "int64"
    assert (tmp_path / "a.csv").read_text().splitlines()[-1] == "2999,word 2999"
    assert json.loads((tmp_path / "a.json").read_text())[7] == {"number": 7, "word": "word 7"}
    assert sorted(p.name for p in tmp_path.glob("a.*")) == ["a.csv", "a.json", "a.parquet"]
    assert sql(MANY, "--parquet", str(tmp_path / "b.parquet"), "--limit", "5")[0] == 0
    assert pq.read_metadata(tmp_path / "b.parquet").num_rows == 5


def test_failed_answer_leaves_the_file_as_it_was(people: Lake, tmp_path: Path) -> None:
    """Not half of one, nor anything beside it."""
    path = tmp_path / "kept.csv"
    path.write_text("kept")
    broken = "select case when i < 250000 then i else error('late') end from range(300000) t(i)"
    assert sql(broken, "--output", str(path))[0] == 1
    assert path.read_text() == "kept"
    assert list(tmp_path.glob("*kept*")) == [path]


def test_what_is_personal_is_masked_in_files_too(people: Lake, tmp_path: Path) -> None:
    """Whatever is made of it; the columns are named."""
    path = tmp_path / "people.parquet"
    query = f"select upper(email) as shout, length(name) as long from {PEOPLE}"
    code, _, err = sql(query, "--parquet", str(path))
    assert code == 0
    assert pq.read_table(path).to_pylist() == [{"shout": "***", "long": 3}]
    assert f"masked: {PEOPLE}.name, {PEOPLE}.email" in err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--output", "x.txt"), "ends in .csv, .json or .parquet"),
        (("--output", "x.csv", "--format", "table"), "ends in .csv, .json or .parquet"),
        (("--format", "parquet"), "--parquet FILE"),
        (("--csv", "--format", "json"), "say once"),
        (("--csv", "--parquet", "x.parquet"), "say once"),
        (("--output", "x.csv", "--parquet", "x.parquet"), "say once"),
        (("--output", "nowhere/x.csv"), "there is no folder"),
    ],
)
def test_contradiction_is_wrong_use(people: Lake, words: tuple[str, ...], says: str) -> None:
    """Told before anything is read."""
    code, out, err = sql(MANY, *words)
    assert (code, out) == (2, "")
    assert says in " ".join(err.replace("│", " ").split())


def test_wrong_column_is_told_with_the_right_ones(people: Lake) -> None:
    """As the engine knows them."""
    done = CliRunner().invoke(app, ["sql", f"select wrod from {FLIGHTS}"])
    assert 'column "wrod" not found' in str(done.exception)
    assert str(done.exception).splitlines()[-1] == "  next      use one of `word`"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["m.csv", "m.parquet"])
def test_million_rows_are_written_in_bounded_memory(
    people: Lake, tmp_path: Path, name: str
) -> None:
    """Portion by portion, as they come."""
    query = (
        "select i, i * 2.5 as x, 'word number ' || i as word, repeat('long ', 40) as text,"
        " timestamp '2013-01-01' + to_seconds(i) as at from range(1000000) t(i)"
    )
    words = ["sql", query, "--output", str(tmp_path / name)]
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, *words], capture_output=True, text=True, check=True
    )
    assert "1,000,000 rows as of snapshot" in done.stderr
    assert int(done.stderr.split("used ")[1]) < MOST_BYTES
