{#
    The band of five years in which somebody's age is on a day, open at both ends: `under 25`, `25 to 29` … `65 and over`;
    null without a date of birth. The result is open (warehouse/core/lineage/releases.yml), and a quasi-identifier.

    date_of_birth, day: dates, as SQL.
#}
{% macro age_band(date_of_birth, day) -%}
    {%- set bounds = range(25, 66, 5) | list -%}
    /* released: age_band */ (
        case
            when {{ date_of_birth }} > {{ years_before(day, bounds[0]) }} then 'under {{ bounds[0] }}'
            {%- for bound in bounds[1:] %}
            when {{ date_of_birth }} > {{ years_before(day, bound) }} then '{{ bound - 5 }} to {{ bound - 1 }}'
            {%- endfor %}
            when {{ date_of_birth }} is not null then '{{ bounds[-1] }} and over'
        end
    )
{%- endmacro %}

{# The day so many years before a day: who was born after it is younger than that. #}
{% macro years_before(day, years) -%}
    cast({{ dbt.dateadd('year', -years, day) }} as date)
{%- endmacro %}
