with

matched as (

    select * from {{ ref('int_event__matched') }}

),

event_names as (

    select * from {{ ref('trs_event_names') }}

),

mirrors as (

    select * from {{ ref('trs_event_mirrors') }}

),

subjects as (

    select
        event_id,
        event_number,
        event_person_count,
        max(case when is_event_subject then person_id end) as person_id
    from {{ ref('int_event__persons') }}
    group by event_id, event_number, event_person_count

),

preferred as (

    select
        matched.*,
        matched.raised_by_user_id is null and matched.raised_by_dqt_user_id is null as says_not_who,
        count(*) over (partition by matched.event_id) > 1 as has_id_of_another
    from matched
    where matched.is_preferred

),

others as (

    select * from matched
    where not is_preferred

),

-- The newer store's record stands for an event that is in both; what that leaves out is the older one's.
paired as (

    select
        preferred.event_id,
        preferred.event_number,
        preferred.event_store,
        preferred.is_in_both_stores,
        preferred.event_name,
        preferred.event_at,
        preferred.dates_out_of_range,
        preferred.process_id,
        preferred.changes,
        preferred.event_reason,
        preferred.event_reason_source,
        preferred.has_id_of_another,
        others.event_at as other_event_at,
        case when preferred.event_store = 'events' then preferred.event_name else others.event_name end
            as older_event_name,
        case when preferred.event_store = 'events' then preferred.stored_event_id else others.stored_event_id end
            as older_event_id,
        case when preferred.says_not_who then others.raised_by_user_id else preferred.raised_by_user_id end
            as raised_by_user_id,
        case when preferred.says_not_who then others.raised_by_dqt_user_id else preferred.raised_by_dqt_user_id end
            as raised_by_dqt_user_id
    from preferred
    left join others
        on
            preferred.event_id = others.event_id
            and preferred.event_number = others.event_number

),

final as (

    select
        paired.event_id,
        paired.event_number,
        paired.event_name,
        paired.older_event_name,
        paired.older_event_id,
        paired.event_at,
        paired.dates_out_of_range,
        paired.process_id,
        subjects.person_id,
        paired.raised_by_user_id,
        paired.raised_by_dqt_user_id,
        paired.event_reason,
        paired.event_reason_source,
        paired.has_id_of_another,
        case when paired.is_in_both_stores then 'both' else paired.event_store end as event_stores,
        coalesce(subjects.event_person_count, 0) as event_person_count,
        event_names.event_name is not null as is_known_event_name,
        coalesce(event_names.names_person, false) as should_name_person,
        coalesce(event_names.has_changes, false) as should_have_changes,
        coalesce(event_names.names_person, false) and subjects.person_id is null as lacks_person,
        coalesce(event_names.has_changes, false) and paired.changes is null as lacks_changes,
        paired.raised_by_user_id is null and paired.raised_by_dqt_user_id is null as lacks_raised_by,
        paired.is_in_both_stores and (
            (paired.event_name != paired.older_event_name and mirrors.newer_event_name is null)
            or not {{ same('paired.event_at', 'paired.other_event_at') }}
        ) as has_differing_records
    from paired
    left join event_names
        on
            paired.event_store = event_names.event_store
            and paired.event_name = event_names.event_name
    left join mirrors
        on
            paired.older_event_name = mirrors.older_event_name
            and paired.event_name = mirrors.newer_event_name
    left join subjects
        on
            paired.event_id = subjects.event_id
            and paired.event_number = subjects.event_number

)

select * from final
