{# A day given to a history macro: `2026-04-01`, or an SQL expression of type date. #}
{% macro given_day(day) -%}
    {%- if modules.re.match('[0-9]{4}-[0-9]{2}-[0-9]{2}$', day | string) -%}
        cast('{{ day }}' as date)
    {%- elif modules.re.match('[0-9]', day | string) -%}
        {{ exceptions.raise_compiler_error("'" ~ day ~ "' is not a day: write it as 2026-04-01.") }}
    {%- else -%}
        {{ day }}
    {%- endif -%}
{%- endmacro %}

{#
    A moment given to a history macro: a text with its zone (`2026-05-01T12:00:00Z`), a day (`2026-05-01`: its end in
    London), or an SQL expression of a point in time. A time without a zone is refused: it would mean something else on
    every server.
#}
{% macro given_moment(given) -%}
    {%- if modules.re.match('[0-9]{4}-[0-9]{2}-[0-9]{2}$', given | string) -%}
        {{ end_of_day(given_day(given)) }}
    {%- elif modules.re.match('[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9:.]+(Z|[+-][0-9]{2}(:?[0-9]{2})?)$', given | string) -%}
        {{ moment(given) }}
    {%- elif modules.re.match('[0-9]', given | string) -%}
        {{ exceptions.raise_compiler_error("'" ~ given ~ "' is not a moment: write it with its zone, as 2026-05-01T12:00:00Z, or as a day, 2026-05-01.") }}
    {%- else -%}
        {{ given }}
    {%- endif -%}
{%- endmacro %}

{#
    The moment up to which something may be known: the one given, but never later than that of the whole build (the variable
    `known_at`). Empty where neither is said, which means now.
#}
{% macro known_moment(given=none) -%}
    {%- set of_build = var('known_at', '') -%}
    {%- if given is not none and of_build -%}
        {{ earlier_of(given_moment(given), given_moment(of_build)) }}
    {%- elif given is not none -%}
        {{ given_moment(given) }}
    {%- elif of_build -%}
        {{ given_moment(of_build) }}
    {%- endif -%}
{%- endmacro %}
