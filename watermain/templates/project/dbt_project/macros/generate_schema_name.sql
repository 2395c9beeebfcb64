-- The schema of a model: `<team>_marts` by its folder; `scratch` puts its own in front.
{% macro generate_schema_name(custom_schema_name, node) -%}
    {%- if node.resource_type == "model" and node.fqn | length > 3 and node.fqn[1] == "marts" -%}
        {%- set wanted = node.fqn[2] ~ "_marts" -%}
    {%- else -%}
        {%- set wanted = custom_schema_name or target.schema -%}
    {%- endif -%}
    {{ wanted if target.name in ("platform", "branch") else target.schema ~ "_" ~ wanted }}
{%- endmacro %}
