"""The movements of aircraft, as the messages that a bus would carry.

A flight that leaves has four: gate out, take-off, landing and gate in. One message in fifty is
sent late, and one in a thousand by hours; one in a hundred is sent again. What is late and what
comes twice is drawn from a hash of the seed and the event: the same seed gives the same messages
everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import NamedTuple

from demo.life import lives

CHUNK = 10_000

MESSAGES = """
create table message as
with taxied as (
    select
        *,
        15 + draw(flight_id, 'taxi', 25) as taxi_minutes,
        taxi_minutes * (50 + draw(flight_id, 'taxi out', 25)) // 100 as out_minutes,
        departed_at + to_minutes(out_minutes) as took_off_at,
        ended_at - to_minutes(taxi_minutes - out_minutes) as landed_at,
        case when not diverted then dest end as landed_in
    from life where not cancelled
),
events as (
    select flight_id, carrier, tailnum, 'gate_out' as kind, origin as airport,
        departed_at as happened_at, null::timestamptz as phase_began_at
    from taxied
    union all
    select flight_id, carrier, tailnum, 'take_off', origin, took_off_at, departed_at from taxied
    union all
    select flight_id, carrier, tailnum, 'landing', landed_in, landed_at, took_off_at from taxied
    union all
    select flight_id, carrier, tailnum, 'gate_in', landed_in, ended_at, landed_at from taxied
),
sent as (
    select
        *,
        concat(flight_id, '/', kind) as event_id,
        correlation(event_id) as correlation_id,
        happened_at + to_seconds(1 + draw(event_id, 'sent', 20) + case
            when draw(event_id, 'late', 1000) = 0 then 3600 + draw(event_id, 'hours', 79200)
            when draw(event_id, 'late', 1000) < 20 then 120 + draw(event_id, 'minutes', 1680)
            else 0
        end) as sent_at
    from events
)
select * from sent
union all by name
select * replace (sent_at + to_seconds(1 + draw(event_id, 'pause', 300)) as sent_at)
from sent where draw(event_id, 'again', 100) = 0
"""

IN_ORDER = """
select epoch_ms(sent_at), event_id, correlation_id, flight_id, to_json({
    event_id: event_id, flight_id: flight_id, carrier: carrier, tail_number: tailnum, kind: kind,
    airport: airport, happened_at: strftime(happened_at, '%Y-%m-%dT%H:%M:%SZ'),
    phase_began_at: strftime(phase_began_at, '%Y-%m-%dT%H:%M:%SZ')
})::varchar
from message where sent_at > $after and sent_at <= $until
order by sent_at, event_id
"""


class Movement(NamedTuple):
    """Hold one message: when it is sent, which event of which flight it tells of, and what it says.

    Units: `sent_at` in milliseconds since 1970.
    """

    sent_at: int
    event_id: str
    correlation_id: str
    flight_id: str
    value: str


def movements(
    days: Mapping[date, date], seed: int, *, after: datetime, until: datetime
) -> Iterator[Movement]:
    """Give the messages about these days' flights sent in `after < t <= until`, in order of t."""
    with lives(days, seed) as connection:
        connection.execute(
            "create macro correlation(id) as"
            f" md5(concat({int(seed)}, '|correlation|', id))::uuid::varchar"
        )
        connection.execute(MESSAGES)
        found = connection.execute(IN_ORDER, {"after": after, "until": until})
        while rows := found.fetchmany(CHUNK):
            yield from map(Movement._make, rows)
