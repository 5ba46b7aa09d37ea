with

-- `Changes` is a sum of flags, and the same flag means something else in another event or in the other store.
changed as (

    select
        event_id,
        event_number,
        event_store,
        event_name,
        changes
    from {{ ref('int_event__matched') }}

),

-- No sum of flags is below zero.
summed as (

    select * from changed
    where changes > 0

),

flags as (

    select * from {{ ref('trs_event_change_flags') }}

),

bits as (

    {% for place in range(62) -%}
    select cast({{ 2 ** place }} as {{ dbt.type_bigint() }}) as flag
    {%- if not loop.last %}
    union all
    {% endif -%}
    {%- endfor %}

),

known as (

    select
        summed.event_id,
        summed.event_number,
        summed.event_store,
        summed.event_name,
        flags.flag,
        flags.change_name
    from summed
    inner join flags
        on
            summed.event_store = flags.event_store
            and summed.event_name = flags.event_name
            and (summed.changes & flags.flag) != 0

),

known_sums as (

    select
        event_id,
        event_number,
        event_store,
        sum(flag) as known_changes
    from known
    group by event_id, event_number, event_store

),

remaining as (

    select
        summed.event_id,
        summed.event_number,
        summed.event_store,
        summed.event_name,
        summed.changes - cast(coalesce(known_sums.known_changes, 0) as {{ dbt.type_bigint() }}) as changes
    from summed
    left join known_sums
        on
            summed.event_id = known_sums.event_id
            and summed.event_number = known_sums.event_number
            and summed.event_store = known_sums.event_store

),

unknown as (

    select
        remaining.event_id,
        remaining.event_number,
        remaining.event_store,
        remaining.event_name,
        bits.flag,
        {{ unknown_code('bits.flag') }} as change_name
    from remaining
    cross join bits
    where remaining.changes != 0 and (remaining.changes & bits.flag) != 0

),

negative as (

    select
        event_id,
        event_number,
        event_store,
        event_name,
        changes as flag,
        {{ unknown_code('changes') }} as change_name
    from changed
    where changes < 0

),

every_change as (

    select * from known
    union all
    select * from unknown
    union all
    select * from negative

),

final as (

    select
        event_id,
        event_number,
        event_store,
        flag as change_flag,
        event_name,
        change_name
    from every_change

)

select * from final
