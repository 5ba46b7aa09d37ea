{#
    The day that the build describes, as a date: the variable `as_at`, or today in London. It is one day for the whole
    build, also when the build runs over midnight.
#}
{% macro as_at_date() -%}
    {%- set today = run_started_at.astimezone(modules.pytz.timezone('Europe/London')).date().isoformat() -%}
    cast('{{ var("as_at", today) }}' as date)
{%- endmacro %}
