with

source as (

    select * from {{ replica('training_subjects') }}

),

final as (

    select
        {{ as_text('source.training_subject_id') }} as training_subject_id,
        {{ as_text('source.name') }} as name,
        {{ as_text('source.reference') }} as reference,
        source.is_active
    from source

)

select * from final
