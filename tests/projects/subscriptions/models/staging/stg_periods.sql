select
    subscription_id,
    customer_id,
    cast(start_date as date) as start_date,
    cast(end_date as date) as end_date,
    monthly_amount
from {{ ref("subscription_periods") }}
