with

training_subjects as (

    select * from {{ ref('stg_trs__training_subjects') }}

),

commit_times as (

    {{ commit_times_of('training_subjects') }}

),

final as (

    select
        training_subjects.reference as id,
        training_subjects.reference as dfeta_value,
        training_subjects.name as dfeta_name,
        {{ legacy_state('not training_subjects.is_active') }},
        {{ legacy_times('dfeta_ittsubject') }}
    from training_subjects
    left join commit_times
        on training_subjects.training_subject_id = commit_times.replica_key

)

select * from final
