with movements as (

    select * from {{ source("operations_curated", "movements") }}

),

taxied as (

    select
        timezone('America/New_York', happened_at)::date as moved_on,
        airport,
        case kind when 'take_off' then 'out' when 'gate_in' then 'in' end as direction,
        phase_minutes as taxi_minutes
    from movements
    where kind in ('take_off', 'gate_in') and airport is not null

),

fct_taxi_times as (

    select
        moved_on,
        airport,
        direction,
        count(*) as movements,
        avg(taxi_minutes) as mean_taxi_minutes,
        quantile_cont(taxi_minutes, 0.9) as slow_taxi_minutes,
        max(taxi_minutes) as longest_taxi_minutes
    from taxied
    group by moved_on, airport, direction

)

select * from fct_taxi_times
