with

names as (

    select
        person_id,
        previous_name_id,
        first_name,
        middle_name,
        last_name,
        lead(first_name) over names_of_person as next_first_name,
        lead(middle_name) over names_of_person as next_middle_name,
        lead(last_name) over names_of_person as next_last_name
    from {{ ref('fct_person_name') }}
    window names_of_person as (partition by person_id order by name_number nulls first)

),

previous_names as (

    select * from {{ ref('stg_trs__previous_names') }}
    where not is_deleted

),

commit_times as (

    {{ commit_times_of('previous_names') }}

),

-- The old record had a row for each part of a name that changed; TRS has one for the whole name.
changed as (

    select
        previous_name_id,
        389040000 as name_type,
        first_name as name_part
    from names
    where first_name != next_first_name and first_name != ''
    union all
    select
        previous_name_id,
        389040001 as name_type,
        middle_name as name_part
    from names
    where middle_name != next_middle_name and middle_name != ''
    union all
    select
        previous_name_id,
        389040002 as name_type,
        last_name as name_part
    from names
    where last_name != next_last_name and last_name != ''

),

final as (

    select
        changed.previous_name_id || '-' || {{ as_text('changed.name_type') }} as id,
        previous_names.person_id as dfeta_personid,
        changed.name_part as dfeta_name,
        changed.name_type as dfeta_type,
        {{ old_datetime('previous_names.created_on') }} as dfeta_changedon,
        {{ old_datetime('previous_names.created_on') }} as createdon,
        {{ old_datetime('previous_names.updated_on') }} as modifiedon,
        {{ legacy_state('false') }},
        {{ legacy_times('dfeta_previousname') }}
    from changed
    inner join previous_names
        on changed.previous_name_id = previous_names.previous_name_id
    left join commit_times
        on changed.previous_name_id = commit_times.replica_key

)

select * from final
