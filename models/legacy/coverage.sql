with

said as (

    select * from {{ ref('legacy_columns') }}

),

listed as (

    select
        said.*,
        {{ array_element('word') }} as word
    from said
    {{ unnested(words_of('said.legacy_columns'), 'word') }}

),

final as (

    select
        legacy_table,
        {{ part_of_pair('word', 1) }} as legacy_column,
        {{ part_of_pair('word', 2) }} as old_type,
        outcome,
        replace(made_of, '*', {{ part_of_pair('word', 1) }}) as made_of,
        explanation,
        gone_since,
        use_instead
    from listed

)

select * from final
