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
    where changes != 0

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
        changed.event_id,
        changed.event_number,
        changed.event_store,
        changed.event_name,
        flags.flag,
        flags.change_name
    from changed
    inner join flags
        on
            changed.event_store = flags.event_store
            and changed.event_name = flags.event_name
    where changed.changes > 0 and (changed.changes & flags.flag) != 0

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
        changed.event_id,
        changed.event_number,
        changed.event_store,
        changed.event_name,
        changed.changes - cast(coalesce(known_sums.known_changes, 0) as {{ dbt.type_bigint() }}) as changes
    from changed
    left join known_sums
        on
            changed.event_id = known_sums.event_id
            and changed.event_number = known_sums.event_number
            and changed.event_store = known_sums.event_store
    where changed.changes > 0

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

-- No sum of flags is below zero.
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
