-- Each day's flights add up to the departures of that day.
{{ config(meta={"dagster": {"ref": {"name": "fct_daily_punctuality"}}}) }}

with punctuality as (

    select flight_on, sum(flights) as flights
    from {{ ref("fct_daily_punctuality") }}
    group by flight_on

),

departures as (

    select flight_on, count(*) as flights
    from {{ ref("fct_departures") }}
    group by flight_on

)

select punctuality.flight_on, punctuality.flights, departures.flights as departures
from punctuality
left join departures on punctuality.flight_on = departures.flight_on
where punctuality.flights is distinct from departures.flights
