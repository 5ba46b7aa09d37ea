-- When retention has dropped how a row began, what is left of it begins with an update: it still counts from its own date.
-- A key that begins with an update later on is an old row under a new key.
{% set rule = {'key': ['id'], 'since': 'created_on'} %}
with

fixture as (

    select
        'long known' as id,
        'changed' as content,
        {{ moment('2015-01-01T12:00:00Z') }} as created_on,
        {{ moment('2018-01-01T12:00:00Z') }} as known_from,
        {{ moment('2020-01-01T12:00:00Z') }} as known_to,
        'U' as operation,
        null as began_after,
        {{ moment('2020-01-01T12:00:00Z') }} as ended_after
    union all
    select
        'new key',
        'moved',
        {{ moment('2015-01-01T12:00:00Z') }},
        {{ moment('2021-01-01T12:00:00Z') }},
        null,
        'U',
        null,
        null

),

{{ wrong_answers([['2016-01-01', none, ['long known changed']]], rule) }}
