with

persons as (

    select * from {{ ref('stg_trs__persons') }}

),

from_routes as (

    select * from {{ ref('int_person__professional_statuses') }}

),

standings as (

    select * from {{ ref('int_person__standing') }}

),

beside as (

    select
        persons.person_id,
        persons.dates_out_of_range,
        persons.qts_date as recorded_qts_date,
        persons.eyts_date as recorded_eyts_date,
        persons.pqts_date as recorded_pqts_date,
        persons.has_eyps as recorded_eyps,
        persons.qtls_status as recorded_qtls_status,
        from_routes.qts_date,
        from_routes.eyts_date,
        from_routes.pqts_date,
        coalesce(from_routes.has_eyps, false) as has_eyps,
        coalesce(from_routes.qtls_status, 0) as qtls_status
    from persons
    left join from_routes
        on persons.person_id = from_routes.person_id

),

compared as (

    {% for status in ('qts', 'eyts', 'pqts') -%}
    select
        person_id,
        dates_out_of_range,
        '{{ status | upper }}' as professional_status,
        recorded_{{ status }}_date is not null as is_recorded,
        {{ status }}_date is not null as is_by_routes,
        recorded_{{ status }}_date as recorded_date,
        {{ status }}_date as award_date_by_routes,
        {{ same('recorded_' ~ status ~ '_date', status ~ '_date') }} as is_same
    from beside
    union all
    {% endfor -%}
    select
        person_id,
        dates_out_of_range,
        'EYPS' as professional_status,
        recorded_eyps as is_recorded,
        has_eyps as is_by_routes,
        cast(null as date) as recorded_date,
        cast(null as date) as award_date_by_routes,
        recorded_eyps = has_eyps as is_same
    from beside
    union all
    select
        person_id,
        dates_out_of_range,
        'QTLS' as professional_status,
        recorded_qtls_status != 0 as is_recorded,
        qtls_status != 0 as is_by_routes,
        cast(null as date) as recorded_date,
        cast(null as date) as award_date_by_routes,
        recorded_qtls_status = qtls_status as is_same
    from beside

),

final as (

    select
        compared.person_id,
        compared.professional_status as checked_status,
        standings.live_person_id,
        standings.is_live,
        standings.is_active,
        standings.is_deceased,
        compared.is_recorded,
        compared.is_by_routes,
        compared.recorded_date,
        compared.award_date_by_routes,
        compared.dates_out_of_range,
        compared.is_same as is_in_agreement,
        case
            when compared.is_same then 'agrees'
            when compared.is_recorded and not compared.is_by_routes then 'recorded only'
            when compared.is_by_routes and not compared.is_recorded then 'routes only'
            when compared.professional_status = 'QTLS' then 'other status'
            else 'other date'
        end as check_result
    from compared
    inner join standings
        on compared.person_id = standings.person_id
    where compared.is_recorded or compared.is_by_routes

)

select * from final
