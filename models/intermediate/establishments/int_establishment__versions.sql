with

versions as (

    select * from {{ source('trs_versions', 'establishments') }}
    {%- if var('known_at', '') %}
    where known_from <= {{ given_moment(var('known_at')) }}
    {%- endif %}

),

{%- set until = 'versions.known_to' -%}
{%- if var('known_at', '') -%}
{%- set until = 'case when versions.known_to <= ' ~ given_moment(var('known_at')) ~ ' then versions.known_to end' -%}
{%- endif %}

numbered as (

    select
        versions.*,
        {{ until }} as known_until,
        row_number() over (
            partition by versions.establishment_id
            order by versions.known_from asc nulls last, versions.known_to asc nulls last
        ) as version_number
    from versions

),

final as (

    select
        {{ as_text('establishment_id') }} as establishment_id,
        cast(version_number as {{ dbt.type_int() }}) as version_number,
        known_from,
        known_until as known_to,
        urn,
        {{ as_trimmed_text('la_code') }} as la_code,
        {{ as_trimmed_text('establishment_number') }} as establishment_number,
        {{ as_text('establishment_name') }} as establishment_name,
        {{ as_text('establishment_type_code') }} as establishment_type_code,
        {{ as_text('establishment_type_name') }} as establishment_type_name,
        establishment_status_code,
        {{ as_text('establishment_status_name') }} as establishment_status_name,
        number_of_pupils
    from numbered

)

select * from final
