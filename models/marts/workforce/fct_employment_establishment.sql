with

employments as (

    select * from {{ ref('fct_employment') }}

),

said as (

    select
        tps_employment_id,
        employer_postcode
    from {{ ref('stg_trs__tps_employments') }}

),

establishments as (

    select * from {{ ref('dim_establishment') }}

),

-- The key is what Teachers' Pensions said: TRN, local authority, establishment, start.
coded as (

    select
        employments.*,
        nullif({{ dbt.split_part('employments.employment_key', "'.'", 2) }}, '') as key_la_code,
        nullif(nullif({{ dbt.split_part('employments.employment_key', "'.'", 3) }}, ''), 'NULL')
            as key_establishment_number,
        upper(said.employer_postcode) as employer_postcode
    from employments
    inner join said
        on employments.tps_employment_id = said.tps_employment_id

),

-- A postcode counts only where no establishment has the code: TRS asks in this order.
matched as (

    select
        coded.*,
        coalesce(by_code.establishment_id, by_postcode.establishment_id) as preferred_establishment_id,
        case
            when by_code.establishment_id is not null then 'code'
            when by_postcode.establishment_id is not null then 'postcode'
            else 'none'
        end as establishment_match
    from coded
    left join establishments as by_code
        on
            by_code.is_preferred_for_code
            and coded.key_la_code = by_code.la_code
            and coded.key_establishment_number = by_code.establishment_number
    left join establishments as by_postcode
        on
            by_postcode.is_preferred_for_postcode
            and coded.key_la_code = by_postcode.la_code
            and coded.employer_postcode = upper(by_postcode.postcode)

),

final as (

    select
        tps_employment_id,
        person_id,
        live_person_id,
        is_live,
        is_active,
        is_deceased,
        key_la_code,
        key_establishment_number,
        establishment_id,
        preferred_establishment_id,
        establishment_match,
        coalesce(establishment_id = preferred_establishment_id, false) as is_at_preferred_establishment
    from matched

)

select * from final
