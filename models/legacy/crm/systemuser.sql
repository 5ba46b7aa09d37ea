with

users as (

    select * from {{ ref('stg_trs__users') }}
    where user_type = 1

),

commit_times as (

    {{ commit_times_of('users') }}

),

final as (

    select
        coalesce(users.dqt_user_id, users.user_id) as id,
        users.name as fullname,
        users.email as internalemailaddress,
        users.azure_ad_user_id as azureactivedirectoryobjectid,
        {{ old_bit('not users.active') }} as isdisabled,
        {{ legacy_times('systemuser') }}
    from users
    left join commit_times
        on users.user_id = commit_times.replica_key

)

select * from final
