with

users as (

    select * from {{ ref('stg_trs__users') }}

),

final as (

    select
        user_id,
        lower(dqt_user_id) as dqt_user_id,
        case user_type
            when 1 then 'person'
            when 2 then 'application'
            when 3 then 'system'
            else 'unknown'
        end as user_kind,
        -- Several users with one DQT user: the first of them stands for it.
        row_number() over (partition by lower(dqt_user_id) order by user_id nulls last) = 1 and dqt_user_id is not null
            as stands_for_dqt_user
    from users

)

select * from final
