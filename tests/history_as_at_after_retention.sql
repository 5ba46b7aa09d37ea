-- When retention has dropped how a row began, what is left of it begins with an update: it still counts from its own date.
-- A key that begins with an update later on is an old row under a new key.
with

fixture as (

    select
        'long known' as id,
        {{ moment('2015-01-01T12:00:00Z') }} as created_on,
        {{ moment('2018-01-01T12:00:00Z') }} as known_from,
        {{ moment('2020-01-01T12:00:00Z') }} as known_to,
        'U' as operation,
        null as began_after,
        {{ moment('2020-01-01T12:00:00Z') }} as ended_after
    union all
    select
        'new key',
        {{ moment('2015-01-01T12:00:00Z') }},
        {{ moment('2021-01-01T12:00:00Z') }},
        null,
        'U',
        null,
        null

),

actual as (

    {{ versions_as_at('fixture', {'key': ['id'], 'since': 'created_on'}, given_day('2016-01-01')) }}

)

select
    count(*) as row_count,
    min(id) as found
from actual
having count(*) != 1 or min(id) != 'long known'
