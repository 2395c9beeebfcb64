{% test adds_up(model, column_name, parts) %}
    select *
    from {{ model }}
    where abs({{ column_name }} - ({{ parts | join(" + ") }})) > 0.001
{% endtest %}
