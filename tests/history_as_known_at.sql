-- What was known at a moment: corrected, deleted, returned and reloaded rows, a key that changed, two changes in one
-- transaction, and what a comparison found after a gap. Each case is a moment and the whole answer.
{% set versions = [
    ['gap', 'before', '2026-06-01T10:00:00Z', '2026-06-05T08:00:00Z', '2026-05-30T10:00:00Z', '2026-06-03T12:00:00Z'],
    ['gap', 'after', '2026-06-05T08:00:00Z', none, '2026-06-03T12:00:00Z', none],
    ['found', 'inserted in the gap', '2026-06-05T08:00:00Z', none, '2026-06-03T12:00:00Z', none],
    ['corrected', 'wrong', '2026-06-01T00:00:00Z', '2026-06-04T09:30:00Z', none, none],
    ['corrected', 'right', '2026-06-04T09:30:00Z', none, none, none],
    ['deleted', 'gone', '2026-06-01T00:00:00Z', '2026-06-04T00:00:00Z', none, none],
    ['returned', 'first life', '2026-06-01T00:00:00Z', '2026-06-02T00:00:00Z', none, none],
    ['returned', 'second life', '2026-06-06T00:00:00Z', none, none, none],
    ['reloaded', 'same', '2026-06-01T00:00:00Z', '2026-06-04T09:30:00Z', none, none],
    ['reloaded', 'same', '2026-06-04T09:30:00Z', none, none, none],
    ['old key', 'moved', '2026-06-01T00:00:00Z', '2026-06-04T09:30:00Z', none, none],
    ['new key', 'moved', '2026-06-04T09:30:00Z', none, none, none],
    ['twice', 'replaced at once', '2026-06-04T09:30:00Z', '2026-06-04T09:30:00Z', none, none],
    ['twice', 'stayed', '2026-06-04T09:30:00Z', none, none, none],
    ['brief', 'gone at once', '2026-06-04T09:30:00Z', '2026-06-04T09:30:00Z', none, none],
] %}
{# Of each expected row: key, value, is_found_in_gap, is_uncertain. #}
{% set cases = [
    ['2026-05-31T23:59:59Z', []],
    ['2026-06-04T09:29:59.999999Z', [
        ['gap', 'before', true, true], ['corrected', 'wrong', false, false], ['reloaded', 'same', false, false],
        ['old key', 'moved', false, false],
    ]],
    ['2026-06-04T09:30:00Z', [
        ['gap', 'before', true, true], ['corrected', 'right', false, false], ['reloaded', 'same', false, false],
        ['new key', 'moved', false, false], ['twice', 'stayed', false, false],
    ]],
    ['2026-06-01', [
        ['gap', 'before', true, false], ['corrected', 'wrong', false, false], ['deleted', 'gone', false, false],
        ['returned', 'first life', false, false], ['reloaded', 'same', false, false],
        ['old key', 'moved', false, false],
    ]],
    ['2026-06-07T00:00:00+01:00', [
        ['gap', 'after', true, false], ['found', 'inserted in the gap', true, false],
        ['corrected', 'right', false, false], ['returned', 'second life', false, false],
        ['reloaded', 'same', false, false], ['new key', 'moved', false, false], ['twice', 'stayed', false, false],
    ]],
] %}
with

fixture as (

    {% for row in versions -%}
    select
        '{{ row[0] }}' as id,
        '{{ row[1] }}' as content,
        {{ moment(row[2]) }} as known_from,
        {{ moment(row[3]) if row[3] else 'null' }} as known_to,
        {{ moment(row[4]) if row[4] else 'null' }} as began_after,
        {{ moment(row[5]) if row[5] else 'null' }} as ended_after
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

actual as (

    {% for asked, _ in cases -%}
    select
        '{{ asked }}' as asked,
        id,
        content,
        is_found_in_gap,
        is_uncertain
    from ({{ versions_known_at('fixture', given_moment(asked)) }}) as answer
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

expected as (

    select
        '' as asked,
        '' as id,
        '' as content,
        false as is_found_in_gap,
        false as is_uncertain
    {%- for asked, rows in cases %}
    {%- for row in rows %}
    union all
    select '{{ asked }}', '{{ row[0] }}', '{{ row[1] }}', {{ row[2] }}, {{ row[3] }}
    {%- endfor %}
    {%- endfor %}

)

select
    coalesce(actual.asked, expected.asked) as asked,
    coalesce(actual.id, expected.id) as id,
    actual.content as actual_content,
    expected.content as expected_content
from actual
full outer join expected
    on
        actual.asked = expected.asked
        and actual.id = expected.id
        and actual.content = expected.content
        and actual.is_found_in_gap = expected.is_found_in_gap
        and actual.is_uncertain = expected.is_uncertain
where (actual.asked is null and expected.asked != '') or expected.asked is null
