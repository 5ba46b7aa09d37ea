{#
    What was true on a day: a query for the rows of a replicated table that were true then, by what the warehouse
    knows now, or by what it knew at `known_at`. The day is that of the build where none is given.

        with alerts as ({{ as_at('alerts', '2026-04-01') }})
        with alerts as ({{ as_at('alerts', '2026-04-01', known_at='2026-05-01') }})

    What that means for a table is its line `as_at` in replication/trs.yml.

    The columns are those of `as_known_at`. A hard delete is a correction where there are business dates (the row was
    never true), and an end where there are none.
#}
{% macro as_at(table, day=none, known_at=none) -%}
    {%- set rule = fromyaml(as_at_rules()).get(table) -%}
    {%- if not rule -%}
        {{ exceptions.raise_compiler_error("replication/trs.yml does not say what is true on a day in '" ~ table ~ "'.") }}
    {%- endif -%}
    {{ versions_as_at(
        source('trs_versions', table),
        rule,
        given_day(day if day is not none else as_at_date()),
        known_moment(known_at) | trim or none
    ) }}
{%- endmacro %}

{# The same for any relation with the columns of a versions view, and a rule; day and moment are SQL. #}
{% macro versions_as_at(relation, rule, day, known_at=none) -%}
    {%- set dated = rule.get('from') -%}
    {%- if dated -%}
        {{ dated_versions(relation, rule, day, known_at) }}
    {%- endif -%}
    {%- if dated and rule.get('undated') == 'recorded' %}
    union all
    {% endif -%}
    {%- if not dated or rule.get('undated') == 'recorded' -%}
        {{ recorded_versions(relation, rule, day, known_at) }}
    {%- endif -%}
{%- endmacro %}

{# Rows with business dates: the newest knowledge, where its dates include the day. #}
{% macro dated_versions(relation, rule, day, known_at) -%}
    select
        versions.*,
        {{ is_found_in_gap('versions') }} as is_found_in_gap,
        {{ 'coalesce(versions.ended_after < ' ~ known_at ~ ', false)' if known_at is not none else 'false' }} as is_uncertain
    from {{ relation }} as versions
    where
        {{ is_known_at('versions', known_at) }}
        and (
            {{ first_day('versions', rule) }} <= {{ day }}
            {%- if rule.get('undated') == 'always' %}
            or {{ first_day('versions', rule) }} is null
            {%- endif %}
        )
        {%- if rule.get('to') %}
        and (versions.{{ rule['to'] }} >= {{ day }} or versions.{{ rule['to'] }} is null)
        {%- endif %}
        {%- if rule.get('removed') %}
        and ({{ london_date('versions.' ~ rule['removed']) }} > {{ day }} or versions.{{ rule['removed'] }} is null)
        {%- endif %}
{%- endmacro %}

{#
    Rows without business dates: the version known at the end of the day, or the first one of a row that was recorded later.

    Rows that count by their dates, or are removed, are left out by a full join: PostgreSQL can only hash or sort for that
    one. For `not exists` it may expect a single row, loop, and take time by the square of the rows.
#}
{% macro recorded_versions(relation, rule, day, known_at) -%}
    {%- set moment = earlier_of(end_of_day(day), known_at) if known_at is not none else end_of_day(day) -%}
    {%- set key = rule['key'] -%}
    {%- set tests_newest = rule.get('removed') or rule.get('from') -%}
    select
        versions.*,
        {{ is_found_in_gap('versions') }} as is_found_in_gap,
        coalesce(versions.ended_after < {{ moment }}, false) as is_uncertain
    from (
        {{ recorded_candidates(relation, rule, day, known_at, moment) }}
    ) as versions
    {%- if tests_newest %}
    full join (
        select
            {%- for column in key %}
            newest.{{ column }}{{ ',' if not loop.last }}
            {%- endfor %}
        from {{ relation }} as newest
        where
            {{ is_known_at('newest', known_at) }}
            and (
                {% if rule.get('from') -%}
                {{ first_day('newest', rule) }} <= {{ day }}
                {%- endif -%}
                {{ ' or ' if rule.get('from') and rule.get('removed') }}
                {%- if rule.get('removed') -%}
                {{ london_date('newest.' ~ rule['removed']) }} <= {{ day }}
                {%- endif %}
            )
    ) as elsewhere
        on
            {% for column in key -%}
            versions.{{ column }} = elsewhere.{{ column }}
            {{- ' and ' if not loop.last }}
            {%- endfor %}
    where elsewhere.{{ key[0] }} is null
    {%- endif %}
{%- endmacro %}

{# The versions of rows without business dates that count on the day, whatever was learnt of the same rows since. #}
{% macro recorded_candidates(relation, rule, day, known_at, moment) -%}
    {%- set key = rule['key'] -%}
    {%- set since = rule.get('since', 'recorded') -%}
    select versions.*
    from {{ relation }} as versions
    {%- if since != 'recorded' %}
    left join (
        {{ rows_first_known_after(relation, key, moment, ['C'] if since == 'first_copy' else ['I', 'C']) }}
    ) as late
        on
            {% for column in key -%}
            versions.{{ column }} = late.{{ column }}
            and {% endfor -%}
            versions.known_from = late.first_known_from
    {%- endif %}
    where
        {%- if since == 'recorded' %}
        {{ is_known_at('versions', moment) }}
        {%- else %}
        (
            {{ is_known_at('versions', moment) }}
            or (
                late.first_known_from is not null
                and (versions.known_to > versions.known_from or versions.known_to is null)
                {%- if since != 'first_copy' %}
                and {{ london_date('versions.' ~ since) }} <= {{ day }}
                {%- endif %}
                {%- if known_at is not none %}
                and versions.known_from <= {{ known_at }}
                {%- endif %}
            )
        )
        {%- endif %}
        {%- if rule.get('from') %}
        and {{ first_day('versions', rule) }} is null
        {%- endif %}
        {%- if rule.get('removed') %}
        and ({{ london_date('versions.' ~ rule['removed']) }} > {{ day }} or versions.{{ rule['removed'] }} is null)
        {%- endif %}
{%- endmacro %}

{#
    Keys that the warehouse first knew of after a moment, by one of the given operations. A key that begins with an update is an
    old row under a new key, which counts under the old one before; unless it began before any version that is left
    ended: then retention has dropped what was before.
#}
{% macro rows_first_known_after(relation, key, moment, operations) -%}
    select
        {% for column in key -%}
        {{ column }},
        {% endfor -%}
        min(known_from) as first_known_from
    from {{ relation }}
    group by
        {%- for column in key %}
        {{ column }}{{ ',' if not loop.last }}
        {%- endfor %}
    having
        min(known_from) > {{ moment }}
        and (
            min(case when operation in ('{{ operations | join("', '") }}') then known_from end) = min(known_from)
            or min(known_from) < (select min(ended.known_to) from {{ relation }} as ended)
        )
{%- endmacro %}

{# The first day of a version's truth, by the first of the rule's columns that is filled. #}
{% macro first_day(versions, rule) -%}
    {%- set columns = [rule['from']] if rule['from'] is string else rule['from'] -%}
    {%- if columns | length == 1 -%}
        {{ versions }}.{{ columns[0] }}
    {%- else -%}
        coalesce({{ versions }}.{{ columns | join(', ' ~ versions ~ '.') }})
    {%- endif -%}
{%- endmacro %}
