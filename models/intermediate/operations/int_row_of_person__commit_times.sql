with

commit_times as (

    {{ commit_times(legacy_replicas(of_persons=true)) }}

),

final as (

    select
        replicated_table,
        replica_key,
        first_committed_at,
        last_committed_at
    from commit_times

)

select * from final
