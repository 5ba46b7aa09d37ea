with

accounts as (

    select * from {{ ref('stg_trs__one_login_users') }}

),

standings as (

    select * from {{ ref('int_person__standing') }}

),

final as (

    select
        accounts.subject as one_login_subject,
        accounts.person_id,
        accounts.dates_out_of_range,
        coalesce(standings.live_person_id, accounts.person_id) as live_person_id,
        standings.is_live,
        standings.is_active,
        standings.is_deceased,
        accounts.person_id is not null as is_connected,
        accounts.verified_on as verified_at,
        {{ london_date('accounts.verified_on') }} as verified_date,
        accounts.verification_route,
        accounts.verification_route_label,
        accounts.verified_by_application_user_id,
        accounts.matched_on as matched_at,
        {{ london_date('accounts.matched_on') }} as matched_date,
        accounts.match_route,
        accounts.match_route_label,
        case
            when accounts.person_id is not null then 'connected'
            when accounts.verified_on is not null or coalesce(accounts.has_infinite_verified_on, false)
                then 'verified, not connected'
            else 'not verified'
        end as connection_stage,
        accounts.person_id is not null and accounts.matched_on is null as lacks_match_time
    from accounts
    left join standings
        on accounts.person_id = standings.person_id

)

select * from final
