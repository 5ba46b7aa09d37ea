{# The last moment (to the microsecond) of a day in London. #}
{% macro end_of_day(day) -%}
    {{ adapter.dispatch('end_of_day')(day) }}
{%- endmacro %}

{% macro default__end_of_day(day) -%}
    (cast({{ day }} + 1 as timestamp) at time zone 'Europe/London' - interval '1 microsecond')
{%- endmacro %}

{% macro bigquery__end_of_day(day) -%}
    timestamp_sub(timestamp(date_add({{ day }}, interval 1 day), 'Europe/London'), interval 1 microsecond)
{%- endmacro %}
