-- What was true on a day, for rows without business dates: the version known at the end of the day in London; a row
-- recorded later counts from its own date, in the first form known. The rules are those of persons, of a reference table
-- and of a table with nothing to go by.
{% set by_date = {'key': ['id'], 'since': 'created_on', 'removed': 'deleted_on'} %}
{% set by_copy = {'key': ['id'], 'since': 'first_copy'} %}
{% set by_record = {'key': ['id'], 'since': 'recorded'} %}
{# Key, content, created, soft delete, known from, known to, operation, true end after. #}
{% set versions = [
    ['all filled', 'x', '1900-01-01T00:00:00Z', '1900-01-01T00:00:00Z', '1900-01-01T00:00:00Z', '1900-01-01T00:00:00Z', 'I', '1900-01-01T00:00:00Z'],
    ['copied', 'first seen', '2020-01-01T12:00:00Z', none, '2026-05-01T12:00:00Z', '2026-06-10T12:00:00Z', 'C', none],
    ['copied', 'changed', '2020-01-01T12:00:00Z', none, '2026-06-10T12:00:00Z', none, 'U', none],
    ['found', 'in a gap', '2026-06-03T12:00:00Z', none, '2026-06-05T12:00:00Z', none, 'I', none],
    ['evening', 'in summer', '2026-06-05T23:30:00Z', none, '2026-06-05T23:30:00Z', none, 'I', none],
    ['deleted', 'then gone', '2026-05-02T12:00:00Z', none, '2026-05-02T12:00:00Z', '2026-06-04T12:00:00Z', 'I', none],
    ['reloaded', 'before', '2026-05-02T12:00:00Z', none, '2026-05-02T12:00:00Z', '2026-06-04T12:00:00Z', 'I', none],
    ['reloaded', 'after', '2026-05-02T12:00:00Z', none, '2026-06-08T12:00:00Z', none, 'I', none],
    ['old key', 'moved', '2026-05-02T12:00:00Z', none, '2026-05-02T12:00:00Z', '2026-06-06T12:00:00Z', 'I', none],
    ['new key', 'moved', '2026-05-02T12:00:00Z', none, '2026-06-06T12:00:00Z', none, 'U', none],
    ['twice', 'inserted', '2026-06-02T12:00:00Z', none, '2026-06-06T12:00:00Z', '2026-06-06T12:00:00Z', 'I', none],
    ['twice', 'and updated', '2026-06-02T12:00:00Z', none, '2026-06-06T12:00:00Z', none, 'U', none],
    ['removed', 'recorded late', '2026-05-02T12:00:00Z', none, '2026-05-02T12:00:00Z', '2026-06-09T12:00:00Z', 'I', '2026-06-01T12:00:00Z'],
    ['removed', 'marked', '2026-05-02T12:00:00Z', '2026-06-03T12:00:00Z', '2026-06-09T12:00:00Z', none, 'U', none],
    ['gap', 'before', '2026-05-02T12:00:00Z', none, '2026-05-02T12:00:00Z', '2026-06-09T12:00:00Z', 'I', '2026-06-01T12:00:00Z'],
    ['gap', 'after', '2026-05-02T12:00:00Z', none, '2026-06-09T12:00:00Z', none, 'U', none],
] %}
{# Rule, day, known at, the whole answer; `?` marks an uncertain row. #}
{% set cases = [
    [by_date, '2026-06-05', none, [
        'copied first seen', 'found in a gap', 'old key moved', 'twice and updated', 'gap before ?',
    ]],
    [by_date, '2026-06-02', none, [
        'copied first seen', 'deleted then gone', 'reloaded before', 'old key moved', 'twice and updated',
        'removed recorded late ?', 'gap before ?',
    ]],
    [by_date, '2026-06-04', '2026-06-05T11:00:00Z', [
        'copied first seen', 'old key moved', 'removed recorded late ?', 'gap before ?',
    ]],
    [by_date, '2026-06-12', '2026-06-05T12:00:00Z', [
        'copied first seen', 'found in a gap', 'old key moved', 'removed recorded late ?', 'gap before ?',
    ]],
    [by_date, '2026-06-06', none, [
        'copied first seen', 'found in a gap', 'evening in summer', 'new key moved', 'twice and updated', 'gap before ?',
    ]],
    [by_date, '2026-06-12', none, [
        'copied changed', 'found in a gap', 'evening in summer', 'reloaded after', 'new key moved', 'twice and updated',
        'gap after',
    ]],
    [by_date, '2021-01-01', none, ['copied first seen']],
    [by_date, '2021-01-01', '2026-04-30T00:00:00Z', []],
    [by_date, '2019-12-31', none, []],
    [by_copy, '1999-01-01', none, ['copied first seen']],
    [by_copy, '2026-05-03', none, [
        'copied first seen', 'deleted then gone', 'reloaded before', 'old key moved', 'removed recorded late', 'gap before',
    ]],
    [by_record, '2026-04-30', none, []],
    [by_record, '2026-05-01', none, ['copied first seen']],
    [by_record, '2026-06-12', '2026-05-01T12:00:00Z', ['copied first seen']],
] %}
with

fixture as (

    {% for row in versions -%}
    select
        '{{ row[0] }}' as id,
        '{{ row[1] }}' as content,
        {{ moment(row[2]) }} as created_on,
        {{ moment(row[3]) if row[3] else 'null' }} as deleted_on,
        {{ moment(row[4]) }} as known_from,
        {{ moment(row[5]) if row[5] else 'null' }} as known_to,
        '{{ row[6] }}' as operation,
        null as began_after,
        {{ moment(row[7]) if row[7] else 'null' }} as ended_after
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

{{ wrong_answers(cases) }}
