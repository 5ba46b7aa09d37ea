{# Takes the place of a label for a code that no seed knows: the row stays, is marked, and a test counts it. #}
{% macro unknown_code(code) -%}
    'unknown (' || {{ as_text(code) }} || ')'
{%- endmacro %}

{# Whether a label is such a one. #}
{% macro is_unknown_code(label) -%}
    {{ label }} like 'unknown (%)'
{%- endmacro %}

{# The label of a code, from a joined CTE of labels: null where the code is null, marked where no seed knows it. #}
{% macro label_of(code, labels) -%}
    coalesce({{ labels }}.label, {{ unknown_code(code) }})
{%- endmacro %}
