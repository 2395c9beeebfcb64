with departures as (

    select * from {{ ref("fct_departures") }}

),

fct_daily_punctuality as (

    select
        flight_on,
        origin,
        carrier,
        count(*) as flights,
        count(*) filter (where is_cancelled) as cancelled,
        count(*) filter (where is_diverted) as diverted,
        count(*) filter (where is_on_time) as on_time,
        avg(departure_delay_minutes) as mean_departure_delay_minutes,
        avg(arrival_delay_minutes) as mean_arrival_delay_minutes
    from departures
    group by flight_on, origin, carrier

)

select * from fct_daily_punctuality
