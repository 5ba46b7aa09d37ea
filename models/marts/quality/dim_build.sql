with

builds as (

    select * from {{ ref('stg_ledger__builds') }}

),

-- The one that fills this table. There is none when somebody runs dbt without `warehouse build`.
this_build as (

    select max(build_id) as build_id
    from builds
    where build_state = 'building'

),

gaps as (

    select
        count(*) as gap_count,
        sum(case when repaired_at is null then 1 else 0 end) as open_gap_count
    from {{ ref('stg_ledger__gaps') }}

),

incomplete_columns as (

    select count(*) as incomplete_column_count
    from {{ ref('stg_ledger__column_states') }}
    where column_state != 'complete'

),

final as (

    select
        this_build.build_id,
        {{ as_at_date() }} as as_at_date,
        builds.known_at,
        builds.known_up_to,
        builds.vintage as vintage_name,
        builds.started_at,
        cast(gaps.gap_count as {{ dbt.type_bigint() }}) as gap_count,
        cast(coalesce(gaps.open_gap_count, 0) as {{ dbt.type_bigint() }}) as open_gap_count,
        cast(incomplete_columns.incomplete_column_count as {{ dbt.type_bigint() }}) as incomplete_column_count
    from this_build
    left join builds
        on this_build.build_id = builds.build_id
    cross join gaps
    cross join incomplete_columns

)

select * from final
