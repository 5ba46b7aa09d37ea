with

people as (

    select * from {{ ref('dim_live_person') }}

),

in_scope as (

    select live_person_id from {{ ref('fct_route') }}
    union distinct
    select live_person_id from {{ ref('fct_employment') }}

),

final as (

    select
        {{ as_at_date() }} as as_at_date,
        people.live_person_id,
        people.trn,
        people.first_name,
        people.middle_name,
        people.last_name,
        {{ deliverable_date('people.date_of_birth') }} as date_of_birth,
        people.national_insurance_number,
        people.has_valid_national_insurance_number,
        people.gender_label,
        people.is_deceased,
        people.merged_record_count,
        people.holds_professional_status,
        people.has_ever_held_professional_status,
        people.qtls_status_label
    from people
    inner join in_scope
        on people.live_person_id = in_scope.live_person_id

)

select * from final
