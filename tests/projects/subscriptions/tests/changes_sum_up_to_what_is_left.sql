select
    changes.customer_id
from (
    select customer_id, sum(mrr_change) as changed, arg_max(mrr, date_month) as left_over
    from {{ ref("mrr") }} group by customer_id
) as changes
inner join {{ ref("customers", v=1) }} as customers using (customer_id)
where changes.changed <> changes.left_over
