"""The dashboard of one room."""

from __future__ import annotations

from zlib import crc32

from watermain.observe.export.grafana.board import Board, PanelQuery, View, lines, number, table

LONGEST_UID = 40
_OURS = 'dataset=~"$dataset"'


def room_board(room: str) -> Board:
    """The promises of one room, with what was published of its datasets."""
    mine = f'{_OURS},dataset=~"{room}[.].*"'
    return Board(
        uid=_uid(room),
        title=f"Room {room}",
        folder=f"Room {room}",
        told=f"The datasets of room {room}.",
        room=room,
        rows=(("Promises", (*_numbers(mine), *_promises(mine))), ("Lake", _lake(mine))),
    )


def _numbers(mine: str) -> tuple[View, ...]:
    return (
        number(
            "Breached",
            f'sum(watermain_promise_state{{state="breached",{mine}}}) or vector(0)',
            "More was late than allowed.",
            bad_above=0,
        ),
        number(
            "Missing now",
            f"sum(watermain_promise_is_missing{{{mine}}})",
            "The newest partition that was due is not there.",
            bad_above=0,
        ),
        number(
            "Misses left",
            f"min(watermain_promise_left{{{mine}}})",
            "Of the dataset that has least.",
        ),
        number(
            "Measured",
            f"min(watermain_promise_coverage{{{mine}}})",
            "Of the dataset that is measured least.",
            "percentunit",
            good_above=0.95,
        ),
    )


def _promises(mine: str) -> tuple[View, ...]:
    return (
        table(
            "Partitions by verdict",
            "What was due in the windows of the objectives.",
            "short",
            PanelQuery(f"watermain_promise_partitions{{{mine}}}"),
        ),
        lines(
            "Burn over six hours",
            "Multiples of what the objective allows.",
            "short",
            PanelQuery(f'watermain_promise_burn{{window="6h",{mine}}}', "{{dataset}}"),
        ),
        lines(
            "Misses left",
            "How many partitions may still be late.",
            "short",
            PanelQuery(f"watermain_promise_left{{{mine}}}", "{{dataset}}"),
        ),
    )


def _lake(mine: str) -> tuple[View, ...]:
    return (
        lines(
            "Since the last publish",
            "Time since anything of a dataset was published.",
            "s",
            PanelQuery(f"time() - watermain_published_timestamp_seconds{{{mine}}}", "{{dataset}}"),
        ),
        lines(
            "Rows",
            "Rows of live files.",
            "short",
            PanelQuery(f"watermain_lake_rows{{{mine}}}", "{{dataset}}"),
        ),
    )


def _uid(room: str) -> str:
    """A name that Grafana takes, which has 40 letters at most; long ones end in a checksum."""
    uid = f"watermain-room-{room}"
    return (
        uid if len(uid) <= LONGEST_UID else f"{uid[: LONGEST_UID - 9]}-{crc32(room.encode()):08x}"
    )
