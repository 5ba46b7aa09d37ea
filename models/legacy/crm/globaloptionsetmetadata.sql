with

option_sets as (

    select * from {{ ref('legacy_option_sets') }}

),

final as (

    select
        option_set as optionsetname,
        option_value as option,
        {{ old_bit('false') }} as isuserlocalizedlabel,
        1033 as localizedlabellanguagecode,
        option_label as localizedlabel
    from option_sets

)

select * from final
