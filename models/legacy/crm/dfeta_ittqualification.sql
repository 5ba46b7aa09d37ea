with

degree_types as (

    select * from {{ ref('stg_trs__degree_types') }}

),

itt_qualifications as (

    {{ legacy_codes('itt qualification') }}

),

commit_times as (

    {{ commit_times_of('degree_types') }}

),

final as (

    select
        {{ legacy_value('degree_types.degree_type_id', 'itt_qualifications') }} as id,
        {{ legacy_value('degree_types.degree_type_id', 'itt_qualifications') }} as dfeta_value,
        degree_types.name as dfeta_name,
        {{ legacy_state('not degree_types.is_active') }},
        {{ legacy_times('dfeta_ittqualification') }}
    from degree_types
    left join itt_qualifications
        on degree_types.degree_type_id = itt_qualifications.trs_value
    left join commit_times
        on degree_types.degree_type_id = commit_times.replica_key

)

select * from final
