-- What was true on a day, for rows with business dates: what was recorded late or corrected counts for the days it is
-- about; asked with `known_at`, only what the warehouse knew by then. The rule is that of alerts.
{% set rule = {'key': ['id'], 'from': 'start_date', 'to': 'end_date', 'undated': 'always', 'removed': 'deleted_on'} %}
{# Key, content, start, end, soft delete, known from, known to, true end after. #}
{% set versions = [
    ['all filled', 'x', '1900-01-01', '1900-01-02', '1900-01-03T00:00:00Z', '1900-01-01T00:00:00Z', '1900-01-01T00:00:00Z', '1900-01-01T00:00:00Z'],
    ['late', 'recorded in June', '2026-03-10', none, none, '2026-06-02T10:00:00Z', none, none],
    ['corrected', 'wrong start', '2026-03-01', none, none, '2026-03-02T10:00:00Z', '2026-05-20T10:00:00Z', none],
    ['corrected', 'right start', '2026-04-15', none, none, '2026-05-20T10:00:00Z', none, none],
    ['ended', 'open', '2026-01-01', none, none, '2026-01-02T10:00:00Z', '2026-06-10T10:00:00Z', none],
    ['ended', 'closed', '2026-01-01', '2026-04-01', none, '2026-06-10T10:00:00Z', none, none],
    ['undated', 'no start', none, none, none, '2026-01-02T10:00:00Z', none, none],
    ['withdrawn', 'live', '2026-02-01', none, none, '2026-02-01T10:00:00Z', '2026-05-01T22:30:00Z', none],
    ['withdrawn', 'soft-deleted', '2026-02-01', none, '2026-05-01T22:30:00Z', '2026-05-01T22:30:00Z', none, none],
    ['hard-deleted', 'never was', '2026-02-01', none, none, '2026-02-01T10:00:00Z', '2026-05-05T10:00:00Z', none],
    ['reloaded', 'before', '2026-02-01', none, none, '2026-02-01T10:00:00Z', '2026-05-05T10:00:00Z', none],
    ['reloaded', 'after', '2026-02-01', none, none, '2026-05-05T10:00:00Z', none, none],
    ['old key', 'moved', '2026-02-01', none, none, '2026-02-01T10:00:00Z', '2026-05-05T10:00:00Z', none],
    ['new key', 'moved', '2026-02-01', none, none, '2026-05-05T10:00:00Z', none, none],
    ['twice', 'replaced at once', '2026-02-01', none, none, '2026-02-01T10:00:00Z', '2026-02-01T10:00:00Z', none],
    ['twice', 'stayed', '2026-02-02', none, none, '2026-02-01T10:00:00Z', none, none],
    ['gap', 'before', '2026-02-01', none, none, '2026-02-01T10:00:00Z', '2026-05-05T10:00:00Z', '2026-04-20T10:00:00Z'],
    ['gap', 'after', '2026-02-01', '2026-04-21', none, '2026-05-05T10:00:00Z', none, none],
] %}
{% set always_there = ['undated no start', 'twice stayed'] %}
{# Day, known at, the whole answer; `?` marks an uncertain row. #}
{% set cases = [
    ['2026-04-01', none, always_there + [
        'late recorded in June', 'ended closed', 'withdrawn soft-deleted', 'reloaded after', 'new key moved', 'gap after',
    ]],
    ['2026-04-01', '2026-05-01T10:00:00Z', always_there + [
        'corrected wrong start', 'ended open', 'withdrawn live', 'hard-deleted never was', 'reloaded before',
        'old key moved', 'gap before ?',
    ]],
    ['2026-04-02', none, always_there + [
        'late recorded in June', 'withdrawn soft-deleted', 'reloaded after', 'new key moved', 'gap after',
    ]],
    ['2026-04-15', '2026-05-20T10:00:00Z', always_there + [
        'corrected right start', 'ended open', 'withdrawn soft-deleted', 'reloaded after', 'new key moved', 'gap after',
    ]],
    ['2026-05-01', none, always_there + [
        'late recorded in June', 'corrected right start', 'reloaded after', 'new key moved',
    ]],
    ['2026-02-01', '2026-02-01', [
        'ended open', 'undated no start', 'withdrawn live', 'hard-deleted never was', 'reloaded before',
        'old key moved', 'gap before',
    ]],
    ['2025-12-31', none, ['undated no start']],
    ['2026-04-01', '2026-01-01T00:00:00Z', []],
] %}
with

fixture as (

    {% for row in versions -%}
    select
        '{{ row[0] }}' as id,
        '{{ row[1] }}' as content,
        {{ "cast('" ~ row[2] ~ "' as date)" if row[2] else 'null' }} as start_date,
        {{ "cast('" ~ row[3] ~ "' as date)" if row[3] else 'null' }} as end_date,
        {{ moment(row[4]) if row[4] else 'null' }} as deleted_on,
        {{ moment(row[5]) }} as known_from,
        {{ moment(row[6]) if row[6] else 'null' }} as known_to,
        null as began_after,
        {{ moment(row[7]) if row[7] else 'null' }} as ended_after
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

{{ wrong_answers(cases, rule) }}
