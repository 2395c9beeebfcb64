select
    customer_id,
    count(*) as subscriptions,
    min(start_date) as customer_since,
    sum(monthly_amount) as monthly_amount
from {{ ref("stg_periods") }}
group by customer_id
