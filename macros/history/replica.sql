{#
    A table of the replica, for a staging model to read:

        with source as (select * from {{ replica('alerts') }})

    It is the replica's own table; or, in a build with the variable `known_at`, the rows as the warehouse knew them at
    that moment. So no model has a second form for another moment.

    The rows of a moment have the columns of `versions.<table>` too. A staging model names the columns that it selects.
#}
{% macro replica(table) -%}
    {%- if not var('known_at', '') -%}
        {{ source('trs', table) }}
    {%- else -%}
        (
            {{ versions_known_at(source('trs_versions', table), known_moment()) }}
        ) as known_rows
    {%- endif -%}
{%- endmacro %}

{# Whether something that the warehouse noted at a time was noted by the moment of the build: always, in one of what is known now. #}
{% macro was_known(noted_at) -%}
    {%- if var('known_at', '') -%}
        {{ noted_at }} <= {{ known_moment() }}
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}

{# A time at which the warehouse noted something; null where that was after the moment of the build. #}
{% macro if_known(noted_at) -%}
    {%- if var('known_at', '') -%}
        case when {{ was_known(noted_at) }} then {{ noted_at }} end
    {%- else -%}
        {{ noted_at }}
    {%- endif -%}
{%- endmacro %}
