{{ config(materialized="incremental", unique_key="id", incremental_strategy="delete+insert") }}

select
    id,
    date_month,
    mrr_change
from {{ ref("mrr") }}
where mrr_change <> 0
{% if is_incremental() %}
    and date_month >= (select max(date_month) from {{ this }})
{% endif %}
