{#- The subjects of a route are in an array, in order; a subject that the reference table lacks keeps its place. -#}
with

qualifications as (

    select
        qualification_id,
        training_subject_ids
    from {{ ref('stg_trs__qualifications') }}
    where qualification_type = 1

),

training_subjects as (

    select * from {{ ref('stg_trs__training_subjects') }}

),

listed as (

    select
        qualifications.qualification_id,
        {{ array_element('subject') }} as training_subject_id,
        {{ array_position('subject') }} as place
    from qualifications
    {{ unnested('qualifications.training_subject_ids', 'subject') }}

),

named as (

    select
        listed.qualification_id,
        listed.place,
        training_subjects.name,
        training_subjects.reference
    from listed
    left join training_subjects
        on listed.training_subject_id = training_subjects.training_subject_id

),

final as (

    select
        qualification_id,
        cast(count(*) as {{ dbt.type_int() }}) as training_subject_count,
        max(case when place = 1 then name end) as training_subject_1,
        max(case when place = 1 then reference end) as training_subject_1_reference,
        max(case when place = 2 then name end) as training_subject_2,
        max(case when place = 2 then reference end) as training_subject_2_reference,
        max(case when place = 3 then name end) as training_subject_3,
        max(case when place = 3 then reference end) as training_subject_3_reference
    from named
    group by qualification_id

)

select * from final
