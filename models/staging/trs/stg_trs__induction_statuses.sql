with

source as (

    select * from {{ replica('induction_statuses') }}

),

induction_status_labels as (

    select
        code,
        label
    from {{ ref('trs_enums') }}
    where enum_name = 'InductionStatus'

),

final as (

    select
        source.induction_status,
        {{ label_of('source.induction_status', 'induction_status_labels') }} as induction_status_label,
        {{ as_text('source.name') }} as name
    from source
    left join induction_status_labels
        on induction_status_labels.code = {{ as_text('source.induction_status') }}

)

select * from final
