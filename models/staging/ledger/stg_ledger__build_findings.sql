with

source as (

    select * from {{ source('ledger', 'build_findings') }}

),

final as (

    select
        source.build_id,
        source.place as finding_number,
        source.test_name,
        source.model_name,
        source.column_name,
        source.rule as rule_name,
        source.value as found_value,
        source.severity,
        source.rows as row_count,
        source.keys as row_keys
    from source

)

select * from final
