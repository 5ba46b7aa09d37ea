{#
    Every version of a replicated table that was known by the moment of the build: a query.

        with versions as ({{ known_versions('persons') }})

    The rows have the columns of `versions.<table>` and `known_until`: `known_to`, or null where the version ended only
    after that moment. A version that its own transaction replaced was never to be seen, and is left out.
#}
{% macro known_versions(table) -%}
    select
        versions.*,
        {{ if_known('versions.known_to') }} as known_until
    from {{ source('trs_versions', table) }} as versions
    where
        {{ was_known('versions.known_from') }}
        and (versions.known_to > versions.known_from or versions.known_to is null)
{%- endmacro %}
