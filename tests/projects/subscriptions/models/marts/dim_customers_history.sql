select
    customer_id,
    count(*) as states
from {{ ref("periods_snapshot") }}
group by customer_id
