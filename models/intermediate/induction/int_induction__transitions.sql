{#- Some events say what an induction status was and became; the last change is matched with the record as it is. -#}
with

events as (

    select
        event_id,
        event_name,
        person_id,
        created,
        {{ json_text('payload', ['OldInduction', 'Status']) }} as status_before,
        coalesce(
            {{ json_text('payload', ['Induction', 'Status']) }}, {{ json_text('payload', ['InductionStatus']) }}
        ) as status_after
    from {{ ref('stg_trs__events') }}
    where
        person_id is not null
        and event_name in (
            'PersonInductionUpdatedEvent',
            'InductionMigratedEvent',
            'RouteToProfessionalStatusCreatedEvent',
            'RouteToProfessionalStatusUpdatedEvent',
            'RouteToProfessionalStatusDeletedEvent'
        )

),

people as (

    select
        person_id,
        {{ as_text('induction_status') }} as induction_status_code,
        induction_status_label,
        induction_start_date,
        induction_completed_date
    from {{ ref('stg_trs__persons') }}

),

labels as (

    select
        code,
        label
    from {{ ref('trs_enums') }}
    where enum_name = 'InductionStatus'

),

told as (

    select
        events.*,
        row_number() over (
            partition by events.person_id order by events.created desc nulls last, events.event_id desc nulls last
        ) as place_from_last
    from events
    where
        events.status_after is not null
        and (events.status_before is null or events.status_before != events.status_after)

),

last_told as (

    select
        person_id,
        status_after
    from told
    where place_from_last = 1

),

-- The status that a person has now and no event led to.
untold as (

    select people.*
    from people
    left join last_told
        on people.person_id = last_told.person_id
    where
        people.induction_status_code != '0'
        and (last_told.status_after is null or last_told.status_after != people.induction_status_code)

),

final as (

    select
        told.event_id as transition_id,
        told.person_id,
        case when told.status_before is not null then {{ label_of('told.status_before', 'labels_before') }} end
            as induction_status_before,
        {{ label_of('told.status_after', 'labels_after') }} as induction_status_after,
        'event' as transition_source,
        told.event_name as transition_event_name,
        {{ london_date('told.created') }} as transition_date,
        'event' as transition_date_source
    from told
    left join labels as labels_before
        on told.status_before = labels_before.code
    left join labels as labels_after
        on told.status_after = labels_after.code
    union all
    select
        'record of ' || untold.person_id as transition_id,
        untold.person_id,
        cast(null as {{ dbt.type_string() }}) as induction_status_before,
        untold.induction_status_label as induction_status_after,
        'record' as transition_source,
        cast(null as {{ dbt.type_string() }}) as transition_event_name,
        case
            when untold.induction_status_code in ('4', '5', '6') then untold.induction_completed_date
            when untold.induction_status_code = '3' then untold.induction_start_date
        end as transition_date,
        case
            when untold.induction_status_code in ('4', '5', '6') and untold.induction_completed_date is not null
                then 'induction completed date'
            when untold.induction_status_code = '3' and untold.induction_start_date is not null
                then 'induction start date'
            else 'unknown'
        end as transition_date_source
    from untold

)

select * from final
