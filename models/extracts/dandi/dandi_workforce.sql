with

employments as (

    select * from {{ ref('fct_employment') }}

),

people as (

    select * from {{ ref('dim_person') }}

),

establishments as (

    select * from {{ ref('dim_establishment') }}

),

-- In the order of the fields of the export that TRS made by hand.
final as (

    select
        employments.tps_employment_id,
        employments.live_person_id,
        people.trn,
        employments.establishment_id,
        case
            when establishments.is_in_gias then 'GIAS'
            when not establishments.is_in_gias then 'TPS'
        end as establishment_source,
        employments.urn,
        employments.la_code,
        employments.establishment_number,
        establishments.establishment_name,
        {{ deliverable_date('employments.start_date') }} as start_date,
        {{ deliverable_date('employments.end_date') }} as end_date,
        {{ deliverable_date('employments.last_known_employed_date') }} as last_known_employed_date,
        case employments.employment_type
            when 0 then 'FT'
            when 1 then 'PTR'
            when 2 then 'PTI'
            when 3 then 'PT'
            else employments.employment_type_label
        end as employment_type_abbreviation,
        employments.withdrawal_confirmed,
        {{ deliverable_date('employments.last_extract_date') }} as last_extract_date,
        employments.employment_key,
        -- These two fields had the National Insurance number and the postcode. Nothing takes their place.
        cast(null as {{ dbt.type_string() }}) as withheld_number,
        cast(null as {{ dbt.type_string() }}) as withheld_address,
        employments.created_on,
        employments.updated_on,
        {{ as_at_date() }} as as_at_date
    from employments
    left join people
        on employments.person_id = people.person_id
    left join establishments
        on employments.establishment_id = establishments.establishment_id

)

select * from final
