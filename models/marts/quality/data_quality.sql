with

builds as (

    select * from {{ ref('stg_ledger__builds') }}

),

findings as (

    select * from {{ ref('stg_ledger__build_findings') }}

),

-- The build that makes this table: it is filled again when all other tests have run.
this_build as (

    select max(build_id) as build_id from builds

),

keys as (

    select
        findings.build_id,
        findings.finding_number,
        {{ array_element('row_key') }} as row_key,
        {{ array_position('row_key') }} as key_number
    from findings
    {{ unnested('findings.row_keys', 'row_key') }}

),

found as (

    select
        findings.build_id,
        findings.finding_number,
        findings.test_name,
        findings.model_name,
        findings.column_name,
        findings.rule_name,
        findings.found_value,
        findings.severity,
        findings.row_count,
        keys.row_key,
        builds.started_at,
        coalesce(keys.key_number, 0) as key_number
    from findings
    inner join builds
        on findings.build_id = builds.build_id
    -- A finding without keys is a row, too.
    left join keys
        on
            findings.build_id = keys.build_id
            and findings.finding_number = keys.finding_number

),

dated as (

    select
        found.*,
        min(found.started_at) over (
            partition by
                found.test_name,
                found.model_name,
                found.column_name,
                found.rule_name,
                found.found_value,
                found.row_key
        ) as first_found_at
    from found

),

final as (

    select
        cast(dated.finding_number as {{ dbt.type_int() }}) as finding_number,
        cast(dated.key_number as {{ dbt.type_int() }}) as key_number,
        dated.test_name,
        dated.model_name,
        dated.column_name,
        dated.rule_name,
        dated.found_value,
        dated.severity,
        cast(dated.row_count as {{ dbt.type_bigint() }}) as row_count,
        dated.row_key,
        dated.first_found_at
    from dated
    inner join this_build
        on dated.build_id = this_build.build_id

)

select * from final
