{#- Each detail as the flags of both stores name it (the older one sometimes with "Person" before it), and in words. -#}
{%- set details = {
    'FirstName': 'first name',
    'MiddleName': 'middle name',
    'LastName': 'last name',
    'DateOfBirth': 'date of birth',
    'EmailAddress': 'e-mail address',
    'NationalInsuranceNumber': 'National Insurance number',
    'Gender': 'gender',
} -%}
with

-- The events whose records hold the details before and after. Those of an employment have flags of the same names.
changes as (

    select
        event_id,
        event_number,
        event_store,
        case
            {%- for name, words in details.items() %}
            when change_name in ('{{ name }}', 'Person{{ name }}') then '{{ words }}'
            {%- endfor %}
        end as person_detail
    from {{ ref('fct_event_change') }}
    where
        (event_store = 'process_events' and event_name = 'PersonDetailsUpdatedEvent')
        or (
            event_store = 'events'
            and event_name in (
                'ApiTrnRequestSupportTaskUpdatedEvent',
                'ChangeDateOfBirthRequestSupportTaskApprovedEvent',
                'ChangeNameRequestSupportTaskApprovedEvent',
                'NpqTrnRequestSupportTaskResolvedEvent',
                'PersonDetailsUpdatedEvent',
                'PersonsMergedEvent',
                'TeacherPensionsPotentialDuplicateSupportTaskResolvedEvent'
            )
        )

),

events as (

    select * from {{ ref('fct_event') }}

),

newer_records as (

    select * from {{ ref('stg_trs__process_events') }}

),

older_records as (

    select * from {{ ref('stg_trs__events') }}

),

users as (

    select * from {{ ref('dim_application_user') }}

),

genders as (

    select
        code,
        label
    from {{ ref('trs_enums') }}
    where enum_name = 'Gender'

),

-- A payload has the code or the word.
gender_labels as (

    select
        code as event_gender,
        label
    from genders
    union all
    select
        label as event_gender,
        label
    from genders

),

told as (

    select
        changes.event_id,
        changes.event_number,
        changes.person_detail,
        1 as store_rank,
        {{ json_text('newer_records.payload', ['PersonDetails', 'Gender']) }} as event_gender,
        {{ detail_in('newer_records.payload', 'OldPersonDetails', 'changes.person_detail', details) }} as value_before,
        {{ detail_in('newer_records.payload', 'PersonDetails', 'changes.person_detail', details) }} as value_after
    from changes
    inner join newer_records
        on changes.event_id = newer_records.process_event_id
    where changes.event_store = 'process_events' and changes.person_detail is not null
    union all
    select
        changes.event_id,
        changes.event_number,
        changes.person_detail,
        2 as store_rank,
        {{ json_text('older_records.payload', ['PersonAttributes', 'Gender']) }} as event_gender,
        {{ detail_in('older_records.payload', 'OldPersonAttributes', 'changes.person_detail', details) }}
            as value_before,
        {{ detail_in('older_records.payload', 'PersonAttributes', 'changes.person_detail', details) }} as value_after
    from changes
    inner join events
        on
            changes.event_id = events.event_id
            and changes.event_number = events.event_number
    inner join older_records
        on events.older_event_id = older_records.event_id
    where changes.event_store = 'events' and changes.person_detail is not null

),

-- An event that is in both stores is one change.
ranked as (

    select
        told.*,
        row_number() over (
            partition by told.event_id, told.event_number, told.person_detail
            order by told.store_rank nulls last
        ) as place
    from told

),

final as (

    select
        ranked.event_id,
        ranked.event_number,
        ranked.person_detail,
        events.event_name,
        events.event_at,
        events.event_date,
        events.person_id,
        events.live_person_id,
        events.is_live,
        events.is_active,
        events.is_deceased,
        ranked.value_before,
        ranked.value_after,
        not {{ same('ranked.value_before', 'ranked.value_after') }} as has_another_value,
        {{ label_of('ranked.event_gender', 'gender_labels') }} as event_gender_label,
        events.raised_by_kind,
        events.raised_by_user_id,
        coalesce(
            users.application_short_name = 'CapitaTpsImport'
            or events.raised_by_user_id = '14e1fa20-b364-446d-805d-699525671111',
            false
        ) as is_raised_by_pensions_import
    from ranked
    inner join events
        on
            ranked.event_id = events.event_id
            and ranked.event_number = events.event_number
    left join users
        on events.raised_by_user_id = users.user_id
    left join gender_labels
        on ranked.event_gender = gender_labels.event_gender
    where ranked.place = 1

)

select * from final
