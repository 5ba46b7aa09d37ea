with

source as (

    select * from {{ source('ledger', 'builds') }}

),

final as (

    select
        source.build_id,
        source.state as build_state,
        source.as_at,
        {{ as_text('source.known_up_to') }} as known_up_to,
        source.known_at,
        source.vintage,
        source.started_at
    from source

)

select * from final
