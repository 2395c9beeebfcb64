with flights as (

    select * from {{ source("operations_curated", "flights") }}

),

fct_departures as (

    select
        flight_id,
        timezone('America/New_York', scheduled_departure_at)::date as flight_on,
        carrier,
        flight_number,
        tail_number,
        origin,
        destination,
        scheduled_departure_at,
        departed_at,
        departure_delay_minutes,
        arrival_delay_minutes,
        air_time_minutes,
        distance_miles,
        status,
        status = 'cancelled' as is_cancelled,
        status = 'diverted' as is_diverted,
        coalesce(status = 'arrived' and arrival_delay_minutes < 15, false) as is_on_time
    from flights

)

select * from fct_departures
