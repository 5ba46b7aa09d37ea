{# QTS held from before this day exempts from induction. #}
{% macro induction_exemption_cut_off() -%}
    cast('2000-05-07' as date)
{%- endmacro %}

{# The reason that TRS lists for QTS held from before the cut-off: "They qualified before 07 May 2000". #}
{% macro qualified_before_cut_off_exemption_reason() -%}
    '5a80cee8-98a8-426b-8422-b0e81cb49b36'
{%- endmacro %}

{# The reason for a route that exempts and whose type names none: "Exempt". #}
{% macro generic_exemption_reason() -%}
    'a5faff9f-29ce-4a6b-a7b8-0c1f57f15920'
{%- endmacro %}

{# Takes the place of a reason's identifier for people who are exempt with no reason given. #}
{% macro no_exemption_reason() -%}
    'no reason recorded'
{%- endmacro %}
