with

versions as (

    select * from {{ ref('int_establishment__versions') }}

),

followed as (

    select
        versions.*,
        lag(versions.establishment_name) over (earlier) as last_establishment_name,
        lag(versions.establishment_status_code) over (earlier) as last_establishment_status_code,
        lag(versions.establishment_type_code) over (earlier) as last_establishment_type_code,
        lag(versions.la_code) over (earlier) as last_la_code,
        lag(versions.establishment_number) over (earlier) as last_establishment_number
    from versions
    window earlier as (partition by versions.establishment_id order by versions.version_number asc nulls last)

),

final as (

    select
        establishment_id,
        version_number,
        known_from,
        known_to,
        {{ london_date('known_from') }} as known_from_date,
        urn,
        la_code,
        establishment_number,
        establishment_name,
        establishment_type_code,
        establishment_type_name,
        establishment_status_code,
        establishment_status_name,
        number_of_pupils,
        known_to is null as is_newest_version,
        version_number > 1
        and not {{ same('establishment_status_code', 'last_establishment_status_code') }} as has_new_status,
        version_number > 1 and not {{ same('establishment_name', 'last_establishment_name') }} as has_new_name,
        version_number > 1
        and not {{ same('establishment_type_code', 'last_establishment_type_code') }} as has_new_type,
        version_number > 1
        and not (
            {{ same('la_code', 'last_la_code') }}
            and {{ same('establishment_number', 'last_establishment_number') }}
        ) as has_new_code
    from followed

)

select * from final
