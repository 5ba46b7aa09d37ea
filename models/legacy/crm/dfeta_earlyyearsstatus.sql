with

listed as (

    {{ legacy_lookup('dfeta_earlyyearsstatus') }}

),

final as (

    select
        legacy_value as id,
        legacy_value as dfeta_value,
        legacy_name as dfeta_name,
        {{ legacy_state('not is_active', 'dfeta_earlyyearsstatus') }}
    from listed

)

select * from final
