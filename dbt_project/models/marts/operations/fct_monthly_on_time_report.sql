with departures as (

    select * from {{ ref("fct_departures") }}

),

airlines as (

    select * from {{ source("operations_curated", "airlines") }}

),

counted as (

    select
        date_trunc('month', flight_on)::date as month_on,
        carrier,
        count(*) as flights,
        count(*) filter (where is_cancelled) as cancelled,
        count(*) filter (where is_diverted) as diverted,
        count(*) filter (where is_on_time) as on_time,
        avg(arrival_delay_minutes) as mean_arrival_delay_minutes
    from departures
    group by month_on, carrier

),

fct_monthly_on_time_report as (

    select
        counted.month_on,
        counted.carrier,
        airlines.name as airline,
        counted.flights,
        counted.cancelled,
        counted.diverted,
        counted.on_time,
        counted.mean_arrival_delay_minutes
    from counted
    left join airlines on counted.carrier = airlines.carrier

)

select * from fct_monthly_on_time_report
