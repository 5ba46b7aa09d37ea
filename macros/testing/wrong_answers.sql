{#
    The body of a singular test of `versions_as_at` over a CTE `fixture` with the columns id and content: the answers
    that are missing or too many. No row: every case is right.

    cases: of each the rule, the day, `known_at` (or none) and the whole answer, as `id content`; `?` behind it marks an
        uncertain row. With `rule` given, cases leave theirs out.
#}
{% macro wrong_answers(cases, rule=none) %}
{%- set full = [] -%}
{%- for case in cases -%}
    {%- do full.append(([rule] if rule is not none else []) + case) -%}
{%- endfor -%}
actual as (

    {% for own_rule, day, known_at, _ in full -%}
    select
        {{ loop.index }} as place,
        id || ' ' || content || case when is_uncertain then ' ?' else '' end as answer
    from (
        {{ versions_as_at(
            'fixture', own_rule, given_day(day), given_moment(known_at) if known_at is not none else none
        ) }}
    ) as rows_of_day
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

expected as (

    select
        0 as place,
        '' as answer
    {%- for _, _, _, rows in full %}
    {%- set place = loop.index %}
    {%- for row in rows %}
    union all
    select {{ place }}, '{{ row }}'
    {%- endfor %}
    {%- endfor %}

)

select
    coalesce(actual.place, expected.place) as place,
    actual.answer as actual_answer,
    expected.answer as expected_answer
from actual
full outer join expected
    on
        actual.place = expected.place
        and actual.answer = expected.answer
where (actual.place is null and expected.place != 0) or expected.place is null
{%- endmacro %}
