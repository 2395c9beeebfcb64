"""Known answers, random files, for the CSV reader."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watermain.source.delivery import Caps, FileRows, Reject, UnreadableFileError
from watermain.source.drop import csv_rows
from watermain.source.drop.csv_rows import CsvRows

QUOTE = "has a quote or carriage return where none may be, or a quote never closed"


def read(
    content: str | bytes, columns: tuple[str, ...] = ("a", "b"), null: str = "", **caps: int
) -> tuple[list[tuple], list[tuple]]:
    """The rows with their numbers, then the rejects with their lines."""
    data = content.encode() if isinstance(content, str) else content
    rows: list[tuple] = []
    rejects: list[tuple] = []
    for part in CsvRows(io.BytesIO(data), columns, null, Caps(**caps)):
        if isinstance(part, FileRows):
            for at, row in enumerate(part.rows.to_pylist()):
                rows.append((part.first + at, *row.values()))
        else:
            assert isinstance(part, Reject)
            rejects.append((part.line, part.reason, part.payload))
    return rows, rejects


@pytest.mark.parametrize(
    ("content", "rows", "rejects"),
    [
        ("a,b\n1,2\n", [(1, "1", "2")], []),
        ("a,b\r\n1,2\r\n", [(1, "1", "2")], []),
        ("a,b\n1,2", [(1, "1", "2")], []),
        ("a,b\n", [], []),
        ("a,b", [], []),
        ('a,b\n,""\n', [(1, None, "")], []),
        ('a,b\n"x ""y""","1\n2"\n', [(1, 'x "y"', "1\n2")], []),
        ("a,b\n\n1,2\n\r\n\n3,4\n", [(1, "1", "2"), (2, "3", "4")], []),
        ("b,c,a\n1,2,3\n", [(1, "3", "1")], []),
        ('\ufeff"a",b\n1,2\n', [(1, "1", "2")], []),
        ("a,b\n1\n2,3\n", [(2, "2", "3")], [(2, "has 1 values, the header 2", "1")]),
        ("a,b\n1,2,3\n", [], [(2, "has 3 values, the header 2", "1,2,3")]),
        ('a,b\n"1,2\n3,4\n', [(2, "3", "4")], [(2, QUOTE, '"1,2')]),
        ('a,b\n1,5" pipe\n3,4\n', [(2, "3", "4")], [(2, QUOTE, '1,5" pipe')]),
        ('a,b\n"1"x,2\n3,4\n', [(2, "3", "4")], [(2, QUOTE, '"1"x,2')]),
        ('a,b\n1,2\n3,"4', [(1, "1", "2")], [(3, QUOTE, '3,"4')]),
        ("a,b\n1\r2,3\n", [], [(2, QUOTE, "1\r2,3")]),
        ('a,b\n"1\n2",3\n4\n', [(1, "1\n2", "3")], [(4, "has 1 values, the header 2", "4")]),
    ],
)
def test_known_files_give_known_rows(content: str, rows: list[tuple], rejects: list[tuple]) -> None:
    assert read(content) == (rows, rejects)


def test_blank_line_is_a_row_where_there_is_one_column() -> None:
    assert read("a\n1\n\n2\n", ("a",))[0] == [(1, "1"), (2, None), (3, "2")]


def test_bytes_that_are_no_text_cost_their_row_only() -> None:
    rows, rejects = read(b"a,b\n1,2\n\xff\xfe,3\n4,5\n6,\xe9\n")
    assert rows == [(1, "1", "2"), (3, "4", "5")]
    assert rejects == [(3, "is not UTF-8", "\\xff\\xfe,3"), (5, "is not UTF-8", "6,\\xe9")]


def test_row_beyond_its_cap_is_rejected_with_its_beginning() -> None:
    content = "a,b\n1," + "x" * 500 + '\n2,3\n"' + "y\n" * 200 + '",4\n5,6\n' + "z" * 900
    rows, rejects = read(content, row_bytes=100, payload_bytes=4)
    long = "is longer than 100 bytes"
    assert (1, "1", "x") not in rows
    assert [row[1:] for row in rows] == [("2", "3"), ("5", "6")]
    assert (2, long, "1,xx") in rejects
    assert rejects[-1][1:] == (long, "zzzz")


def test_header_that_is_missing_or_double_rejects_the_file() -> None:
    with pytest.raises(UnreadableFileError, match="its header lacks `b`"):
        read("a,c\n1,2\n")
    with pytest.raises(UnreadableFileError, match="its header has `a` twice"):
        read("a,a,b\n1,2,3\n")
    with pytest.raises(UnreadableFileError, match="it has no header"):
        read("")


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
AWKWARD = st.text(st.sampled_from('a,"\n\r é\\'), max_size=6)


@given(st.lists(st.tuples(TEXT | AWKWARD, TEXT | AWKWARD), max_size=30), st.integers(1, 64))
def test_whatever_a_writer_quotes_is_read_back(pairs: list[tuple[str, str]], block: int) -> None:
    file = io.StringIO(newline="")
    writer = csv.writer(file, quoting=csv.QUOTE_ALL)
    writer.writerows([("a", "b"), *pairs])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_rows, "_BLOCK_BYTES", block)
        rows, rejects = read(file.getvalue())
    assert rows == [(number, *pair) for number, pair in enumerate(pairs, 1)]
    assert rejects == []


@given(st.text(st.sampled_from('1,"\n\r')) | st.binary(), st.integers(1, 16), st.integers(4, 40))
def test_any_bytes_are_rows_or_rejects_whatever_the_block(
    body: str | bytes, block: int, most: int
) -> None:
    data = b"a,b\n" + (body.encode() if isinstance(body, str) else body)
    whole = read(data, row_bytes=most)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_rows, "_BLOCK_BYTES", block)
        pieces = read(data, row_bytes=most)
    assert sorted(row[0] for row in pieces[0]) == [row[0] for row in pieces[0]]
    numbers = len(pieces[0]) + len(pieces[1])
    assert all(row[0] <= numbers for row in pieces[0])
    if len(data) <= most:
        assert pieces == whole
