{#
    What the warehouse knew at a moment: a query for the rows of a replicated table as they were known then.

        with alerts as ({{ as_known_at('alerts', '2026-05-01T12:00:00Z') }})

    The rows have every column of `versions.<table>` and two more:
    - `is_found_in_gap`: no stream brought this version; a comparison found it after a gap. It counts as known from the
      comparison (`known_from`), though it was made at some time after `began_after`.
    - `is_uncertain`: at the moment asked for, the version may have been over already: it ended in a gap that includes
      the moment. The warehouse did not know, so it is still the answer.
    Times are commit times of the operational database. At most one version of a row is known at a moment; versions
    that one transaction made and replaced are never among them.
#}
{% macro as_known_at(table, moment) -%}
    {{ versions_known_at(source('trs_versions', table), known_moment(moment)) }}
{%- endmacro %}

{# The same for any relation with the columns of a versions view, and a moment as SQL. #}
{% macro versions_known_at(relation, moment) -%}
    select
        versions.*,
        {{ is_found_in_gap('versions') }} as is_found_in_gap,
        coalesce(versions.ended_after < {{ moment }}, false) as is_uncertain
    from {{ relation }} as versions
    where {{ is_known_at('versions', moment) }}
{%- endmacro %}

{# Whether a version is the one that was known at a moment; now, when the moment is none. #}
{% macro is_known_at(versions, moment=none) -%}
    {%- if moment is none -%}
        {{ versions }}.known_to is null
    {%- else -%}
        ({{ versions }}.known_from <= {{ moment }} and ({{ versions }}.known_to > {{ moment }} or {{ versions }}.known_to is null))
    {%- endif -%}
{%- endmacro %}

{# Whether a version was found by a comparison after a gap, and its true beginning is not known. #}
{% macro is_found_in_gap(versions) -%}
    {{ versions }}.began_after is not null
{%- endmacro %}
