with orders as (

    select * from {{ source("sales_curated", "orders") }}

),

fct_daily_sales as (

    select
        cast(ordered_at at time zone 'UTC' as date) as ordered_on,
        count(*) as orders,
        sum(amount)::decimal(18, 2) as amount
    from orders
    group by ordered_on

)

select * from fct_daily_sales
