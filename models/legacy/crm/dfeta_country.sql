with

countries as (

    select * from {{ ref('stg_trs__countries') }}

),

country_codes as (

    {{ legacy_codes('country') }}

),

commit_times as (

    {{ commit_times_of('countries') }}

),

final as (

    select
        countries.country_id as id,
        coalesce(country_codes.legacy_value, countries.country_id) as dfeta_value,
        countries.name as dfeta_name,
        {{ legacy_state('false') }},
        {{ legacy_times('dfeta_country') }}
    from countries
    left join country_codes
        on countries.country_id = country_codes.trs_value
    left join commit_times
        on countries.country_id = commit_times.replica_key

)

select * from final
