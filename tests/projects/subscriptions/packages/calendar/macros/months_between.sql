{% macro months_between(first, last) %}
    select cast(month as date) as date_month
    from generate_series(date '{{ first }}', date '{{ last }}', interval 1 month) as months(month)
{% endmacro %}
