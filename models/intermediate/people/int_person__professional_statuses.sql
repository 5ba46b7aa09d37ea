with

routes as (

    select * from {{ ref('int_route__typed') }}

),

final as (

    select
        person_id,
        min(case when is_held and professional_status = 'QTS' then holds_from end) as qts_date,
        min(case when is_held and professional_status = 'EYTS' then holds_from end) as eyts_date,
        min(case when is_held and professional_status = 'PQTS' then holds_from end) as pqts_date,
        min(case when is_held and is_qtls then holds_from end) as qtls_date,
        max(case when is_held and professional_status = 'EYPS' then 1 else 0 end) = 1 as has_eyps,
        -- A lapsed membership soft-deletes the QTLS route, which keeps the status that it had: 1, holds. A route that
        -- never held (under assessment, say) makes nobody's QTLS expire.
        max(case when is_qtls and is_held then 2 when is_qtls and route_status = 1 then 1 else 0 end) as qtls_status,
        max(case when is_held then 1 else 0 end) = 1 as holds_professional_status,
        max(case when route_status = 1 then 1 else 0 end) = 1 as has_ever_held_professional_status
    from routes
    group by person_id

)

select * from final
