{{ config(materialized="ephemeral") }}

{{ calendar.months_between(var("first_month"), var("last_month")) }}
