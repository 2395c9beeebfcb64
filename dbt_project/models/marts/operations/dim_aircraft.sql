with aircraft as (

    select * from {{ source("operations_curated", "aircraft") }}

),

dim_aircraft as (

    select
        tail_number,
        manufacturer,
        model,
        type,
        manufactured_year,
        engines,
        engine,
        seats,
        speed_mph
    from aircraft

)

select * from dim_aircraft
