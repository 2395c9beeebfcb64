with revenue as (

    select * from {{ ref("revenue_by_month") }}

),

compared as (

    select
        *,
        lag(mrr, 1, 0) over (partition by customer_id order by date_month) as previous_mrr,
        row_number() over (partition by customer_id order by date_month) = 1 as is_first_month
    from revenue

)

select
    customer_id || '-' || strftime(date_month, '%Y%m') as id,
    date_month,
    customer_id,
    mrr,
    previous_mrr,
    mrr - previous_mrr as mrr_change,
    case
        when is_first_month then 'new'
        when mrr = 0 and previous_mrr > 0 then 'churn'
        when previous_mrr = 0 and mrr > 0 then 'reactivation'
        when mrr > previous_mrr then 'upgrade'
        when mrr < previous_mrr then 'downgrade'
    end as change_category
from compared
