{# Whether two values are equal or both null. Never null itself. #}
{% macro same(left, right) -%}
    coalesce({{ left }} = {{ right }}, {{ left }} is null and {{ right }} is null)
{%- endmacro %}
