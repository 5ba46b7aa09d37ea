{# The sanction codes of prohibition that the Teaching Regulation Agency hears of, as a list of SQL: T1 to T5. #}
{% macro sanctions_of_the_agency() -%}
    ('T1', 'T2', 'T3', 'T4', 'T5')
{%- endmacro %}

{#
    Names as one text, with one space between them: those that are missing, and those that are blank, leave no space.
    TRS takes an empty text for a name.
#}
{% macro joined_names(names) -%}
    {%- set parts = [] -%}
    {%- for name in names -%}
        {%- do parts.append("coalesce(" ~ as_trimmed_text(name) ~ " || ' ', '')") -%}
    {%- endfor -%}
    {{ as_trimmed_text(parts | join(' || ')) }}
{%- endmacro %}
