with months as (

    select date_month from {{ ref("util_months") }}

),

customers as (

    select
        customer_id,
        date_trunc('month', min(start_date))::date as first_month,
        date_trunc('month', max(end_date))::date as last_month
    from {{ ref("stg_periods") }}
    group by customer_id

),

months_of_customers as (

    select
        customers.customer_id,
        months.date_month
    from customers
    inner join months
        on months.date_month >= customers.first_month and months.date_month < customers.last_month

)

select
    months_of_customers.date_month,
    months_of_customers.customer_id,
    coalesce(sum(periods.monthly_amount), 0)::decimal(12, 2) as mrr
from months_of_customers
left join {{ ref("stg_periods") }} as periods
    on months_of_customers.customer_id = periods.customer_id
    and months_of_customers.date_month >= periods.start_date
    and (months_of_customers.date_month < periods.end_date or periods.end_date is null)
group by months_of_customers.date_month, months_of_customers.customer_id
