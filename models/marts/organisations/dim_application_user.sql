with

users as (

    select * from {{ ref('stg_trs__users') }}

),

final as (

    select
        user_id,
        user_type,
        user_type_label,
        name as user_name,
        short_name as application_short_name,
        active as is_active_user,
        role as user_role,
        role_label as user_role_label,
        dqt_user_id,
        is_oidc_client,
        record_matching_policy,
        record_matching_policy_label
    from users

)

select * from final
