"""The dashboard for whoever wants to know whether promises are kept."""

from __future__ import annotations

from watermain.observe.export.grafana.board import Board, PanelQuery, lines, number, table

FOLDER = "Watermain"
_GOOD = 'sum(watermain_promise_partitions{verdict="good"})'
_COUNTED = 'sum(watermain_promise_partitions{verdict=~"good|bad"})'


def _in_state(state: str) -> str:
    return f'sum(watermain_promise_state{{state="{state}"}}) or vector(0)'


EXECUTIVE = Board(
    uid="watermain-executive",
    title="Watermain: are promises kept?",
    folder=FOLDER,
    told="Every promise over the window of its objective.",
    rows=(
        (
            "Now",
            (
                number("Promises met", _in_state("met"), "Kept, with nothing late of late."),
                number("Burning", _in_state("burning"), "Kept, but something was late lately."),
                number(
                    "Breached", _in_state("breached"), "More was late than allowed.", bad_above=0
                ),
                number(
                    "Not measured",
                    _in_state("not measured"),
                    "Too little was judged: silence is no success.",
                    bad_above=0,
                ),
                number(
                    "Partitions in time",
                    f"{_GOOD} / ({_COUNTED} > 0)",
                    "Of all that was judged in the windows.",
                    "percentunit",
                    good_above=0.95,
                ),
                number(
                    "Measured",
                    "avg(watermain_promise_coverage)",
                    "Share of what was due that has a verdict.",
                    "percentunit",
                    good_above=0.95,
                ),
                number("Open incidents", "watermain_incidents", "Not closed by a check yet."),
                number(
                    "Promises",
                    "count(watermain_promise_info)",
                    "Datasets that promise when they are ready.",
                ),
            ),
        ),
        (
            "Rooms",
            (
                table(
                    "Misses left",
                    "How many partitions may still be late; below zero, too many were.",
                    "short",
                    PanelQuery(
                        "sort(min by (dataset, room) (watermain:promise:info * on (dataset)"
                        " group_left () watermain_promise_left))"
                    ),
                ),
                lines(
                    "Partitions in time by room",
                    "Of what was judged in the windows.",
                    "percentunit",
                    PanelQuery(
                        'sum by (room) (watermain_promise_partitions{verdict="good"} * on (dataset)'
                        " group_left (room) watermain_promise_info)"
                        ' / (sum by (room) (watermain_promise_partitions{verdict=~"good|bad"}'
                        " * on (dataset) group_left (room) watermain_promise_info) > 0)",
                        "{{room}}",
                    ),
                ),
                lines(
                    "Promises by state",
                    "How many stood how.",
                    "short",
                    PanelQuery("sum by (state) (watermain_promise_state)", "{{state}}"),
                ),
            ),
        ),
    ),
)
