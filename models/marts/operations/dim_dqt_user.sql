with

event_names_of_users as (

    select
        raised_by_dqt_user_id as dqt_user_id,
        raised_by_dqt_user_name as dqt_user_name,
        event_at as named_at
    from {{ ref('int_event__stored') }}
    where raised_by_dqt_user_id is not null

),

process_names_of_users as (

    select
        lower(dqt_user_id) as dqt_user_id,
        dqt_user_name,
        created_on as named_at
    from {{ ref('stg_trs__processes') }}
    where dqt_user_id is not null

),

named as (

    select * from event_names_of_users
    union all
    select * from process_names_of_users

),

latest as (

    select
        dqt_user_id,
        max(named_at) as named_at
    from named
    where dqt_user_name is not null
    group by dqt_user_id

),

users as (

    select * from {{ ref('int_user__acting') }}
    where stands_for_dqt_user

),

by_user as (

    select
        named.dqt_user_id,
        max(case when named.named_at = latest.named_at then named.dqt_user_name end) as dqt_user_name
    from named
    left join latest
        on named.dqt_user_id = latest.dqt_user_id
    group by named.dqt_user_id

),

final as (

    select
        by_user.dqt_user_id,
        by_user.dqt_user_name,
        users.user_id
    from by_user
    left join users
        on by_user.dqt_user_id = users.dqt_user_id

)

select * from final
