-- What was true on a day, for rows that have a business date only once it is reached, as routes have: a route held counts
-- from `holds_from`, also when it was recorded late; before that, and while it is not held, what was recorded on the day counts.
{% set rule = {'key': ['id'], 'from': ['holds_from', 'end_date'], 'undated': 'recorded', 'since': 'created_on', 'removed': 'deleted_on'} %}
{# Key, content, holds from, end, created, soft delete, known from, known to, operation. #}
{% set versions = [
    ['all filled', 'x', '1900-01-01', '1900-01-01', '1900-01-01T00:00:00Z', '1900-01-01T00:00:00Z', '1900-01-01T00:00:00Z', '1900-01-01T00:00:00Z', 'I'],
    ['route', 'in training', none, none, '2025-09-01T12:00:00Z', none, '2025-09-01T12:00:00Z', '2026-07-10T12:00:00Z', 'I'],
    ['route', 'held', '2026-07-01', '2026-06-20', '2025-09-01T12:00:00Z', none, '2026-07-10T12:00:00Z', '2026-08-01T12:00:00Z', 'U'],
    ['route', 'held from a corrected day', '2026-07-03', '2026-06-20', '2025-09-01T12:00:00Z', none, '2026-08-01T12:00:00Z', none, 'U'],
    ['mq', 'going on', none, none, '2025-09-01T12:00:00Z', none, '2025-09-01T12:00:00Z', '2026-07-10T12:00:00Z', 'I'],
    ['mq', 'passed', none, '2026-07-02', '2025-09-01T12:00:00Z', none, '2026-07-10T12:00:00Z', none, 'U'],
    ['qtls', 'held', '2026-01-01', none, '2026-01-01T12:00:00Z', none, '2026-01-01T12:00:00Z', '2026-07-02T12:00:00Z', 'I'],
    ['qtls', 'lapsed', '2026-01-01', none, '2026-01-01T12:00:00Z', '2026-07-02T12:00:00Z', '2026-07-02T12:00:00Z', none, 'U'],
    ['copied', 'withdrawn', none, none, '2025-07-01T12:00:00Z', none, '2026-07-05T12:00:00Z', none, 'C'],
    ['copied and held', 'in training', none, none, '2025-07-01T12:00:00Z', none, '2026-07-05T12:00:00Z', '2026-07-10T12:00:00Z', 'C'],
    ['copied and held', 'held', '2026-07-01', none, '2025-07-01T12:00:00Z', none, '2026-07-10T12:00:00Z', none, 'U'],
] %}
{# Day, known at, the whole answer. #}
{% set cases = [
    ['2026-06-30', none, [
        'route in training', 'mq going on', 'qtls lapsed', 'copied withdrawn', 'copied and held in training',
    ]],
    ['2026-07-01', none, [
        'route in training', 'mq going on', 'qtls lapsed', 'copied withdrawn', 'copied and held held',
    ]],
    ['2026-07-02', none, ['route in training', 'mq passed', 'copied withdrawn', 'copied and held held']],
    ['2026-07-03', none, [
        'route held from a corrected day', 'mq passed', 'copied withdrawn', 'copied and held held',
    ]],
    ['2026-07-01', '2026-07-15', [
        'route held', 'mq going on', 'qtls lapsed', 'copied withdrawn', 'copied and held held',
    ]],
    ['2026-07-03', '2026-07-05', [
        'route in training', 'mq going on', 'copied withdrawn', 'copied and held in training',
    ]],
    ['2025-08-31', none, ['copied withdrawn', 'copied and held in training']],
] %}
with

fixture as (

    {% for row in versions -%}
    select
        '{{ row[0] }}' as id,
        '{{ row[1] }}' as content,
        {{ "cast('" ~ row[2] ~ "' as date)" if row[2] else 'null' }} as holds_from,
        {{ "cast('" ~ row[3] ~ "' as date)" if row[3] else 'null' }} as end_date,
        {{ moment(row[4]) }} as created_on,
        {{ moment(row[5]) if row[5] else 'null' }} as deleted_on,
        {{ moment(row[6]) }} as known_from,
        {{ moment(row[7]) if row[7] else 'null' }} as known_to,
        '{{ row[8] }}' as operation,
        null as began_after,
        {{ moment('2999-01-01T00:00:00Z') }} as ended_after
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

{{ wrong_answers(cases, rule) }}
