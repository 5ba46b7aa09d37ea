with

stored as (

    select * from {{ ref('int_event__stored') }}

),

-- The two records of one e-mail have ids of their own, and the e-mail's id in both.
keyed as (

    select
        stored.*,
        case
            when
                stored.event_name = 'EmailSentEvent' and stored.message_id is not null
                then 'e-mail ' || stored.message_id
            else 'event ' || stored.stored_event_id
        end as match_key
    from stored

),

-- A store that has an id twice has two events: the first belongs to the other store's first, and so on.
placed as (

    select
        keyed.*,
        row_number() over (
            partition by keyed.event_store, keyed.match_key
            order by
                keyed.stored_event_id nulls last,
                {{ text_order('keyed.event_name') }} nulls last,
                keyed.event_at nulls last
        ) as match_place
    from keyed

),

paired as (

    select
        placed.*,
        coalesce(
            max(case when placed.event_store = 'process_events' then placed.stored_event_id end) over (
                partition by placed.match_key, placed.match_place
            ),
            placed.stored_event_id
        ) as event_id,
        min(placed.store_rank) over (partition by placed.match_key, placed.match_place) as preferred_rank,
        count(*) over (partition by placed.match_key, placed.match_place) as store_count,
        max(case when placed.event_store = 'process_events' then placed.event_reason end) over (
            partition by placed.match_key, placed.match_place
        ) as process_reason,
        max(case when placed.event_store = 'events' then placed.event_reason end) over (
            partition by placed.match_key, placed.match_place
        ) as older_event_reason
    from placed

),

final as (

    select
        event_id,
        event_store,
        stored_event_id,
        event_name,
        event_at,
        dates_out_of_range,
        process_id,
        column_person_id,
        payload_person_id,
        person_ids,
        raised_by_user_id,
        raised_by_dqt_user_id,
        changes,
        coalesce(process_reason, older_event_reason) as event_reason,
        case
            when process_reason is not null then 'process'
            when older_event_reason is not null then 'event'
            else 'unknown'
        end as event_reason_source,
        dense_rank() over (
            partition by event_id
            order by {{ text_order('match_key') }} nulls last, match_place nulls last
        ) as event_number,
        store_rank = preferred_rank as is_preferred,
        store_count = 2 as is_in_both_stores
    from paired

)

select * from final
