select date_month as date_day from {{ ref("util_months") }}
