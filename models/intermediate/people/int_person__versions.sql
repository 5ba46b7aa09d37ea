{#- Stretches of the same facts: versions of a record that follow each other and differ in none of these. -#}
{%- set facts = [
    'trn', 'person_status', 'merged_with_person_id', 'first_name', 'middle_name', 'last_name', 'date_of_birth', 'gender',
    'email_address', 'national_insurance_number', 'date_of_death', 'induction_status', 'induction_start_date',
    'induction_completed_date', 'recorded_qts_date', 'recorded_eyts_date', 'recorded_pqts_date', 'has_recorded_eyps',
    'recorded_qtls_status', 'dates_out_of_range'
] -%}
{%- set earlier = '(partition by typed.person_id order by typed.known_from asc nulls last)' -%}
{%- set dates = [
    'versions.date_of_birth', 'versions.date_of_death', 'versions.induction_start_date',
    'versions.induction_completed_date', 'versions.qts_date', 'versions.eyts_date', 'versions.pqts_date'
] -%}

with

versions as (

    {{ known_versions('persons') }}

),

typed as (

    select
        {{ as_text('versions.person_id') }} as person_id,
        versions.known_from,
        versions.known_until,
        case
            when {{ is_found_in_gap('versions') }} then 'found after a gap'
            when versions.operation = 'C' then 'first copy'
            when versions.operation = 'I' then 'new record'
            else 'change'
        end as version_origin,
        {{ finite('versions.updated_on') }} as updated_on,
        {{ as_trimmed_text('versions.trn') }} as trn,
        versions.status as person_status,
        {{ as_text('versions.merged_with_person_id') }} as merged_with_person_id,
        {{ as_text('versions.first_name') }} as first_name,
        {{ as_text('versions.middle_name') }} as middle_name,
        {{ as_text('versions.last_name') }} as last_name,
        {{ finite('versions.date_of_birth') }} as date_of_birth,
        versions.gender,
        {{ as_text('versions.email_address') }} as email_address,
        {{ normalised_nino('versions.national_insurance_number') }} as national_insurance_number,
        {{ finite('versions.date_of_death') }} as date_of_death,
        versions.induction_status,
        {{ finite('versions.induction_start_date') }} as induction_start_date,
        {{ finite('versions.induction_completed_date') }} as induction_completed_date,
        {{ finite('versions.qts_date') }} as recorded_qts_date,
        {{ finite('versions.eyts_date') }} as recorded_eyts_date,
        {{ finite('versions.pqts_date') }} as recorded_pqts_date,
        versions.has_eyps as has_recorded_eyps,
        versions.qtls_status as recorded_qtls_status,
        {{ original_dates(dates) }} as dates_out_of_range
    from versions

),

followed as (

    select
        typed.*,
        row_number() over {{ earlier }} as place,
        lag(typed.known_until) over {{ earlier }} as last_known_until,
        {%- for fact in facts %}
        lag(typed.{{ fact }}) over {{ earlier }} as last_{{ fact }},
        {%- endfor %}
        lag(typed.updated_on) over {{ earlier }} as last_updated_on
    from typed

),

compared as (

    select
        followed.*,
        -- One function of many texts: BigQuery's analyzer takes no chain of operators that is as long.
        concat(
            {%- for fact in facts %}
            case
                when followed.place > 1 and not {{ same('followed.' ~ fact, 'followed.last_' ~ fact) }}
                    then '; {{ fact.replace('recorded_', '') }}'
                else ''
            end
            {{- ',' if not loop.last }}
            {%- endfor %}
        ) as changes
    from followed

),

-- A record that was deleted and came back is another stretch, though nothing else changed.
numbered as (

    select
        compared.person_id,
        compared.known_from,
        compared.known_until,
        sum(
            case
                when compared.changes = '' and {{ same('compared.known_from', 'compared.last_known_until') }} then 0
                else 1
            end
        ) over (
            partition by compared.person_id
            order by compared.known_from asc nulls last
            rows between unbounded preceding and current row
        ) as stretch_number
    from compared

),

stretches as (

    select
        person_id,
        stretch_number,
        min(known_from) as known_from,
        case when count(*) = count(known_until) then max(known_until) end as known_to
    from numbered
    group by person_id, stretch_number

),

final as (

    select
        compared.person_id,
        compared.known_from,
        stretches.known_to,
        compared.version_origin,
        nullif(substr(compared.changes, 3), '') as changed_facts,
        -- Where a version has the time of the one before, TRS says nothing of this change.
        case
            when not {{ same('compared.updated_on', 'compared.last_updated_on') }} then compared.updated_on
        end as record_changed_at,
        compared.trn,
        compared.person_status,
        compared.merged_with_person_id,
        compared.first_name,
        compared.middle_name,
        compared.last_name,
        compared.date_of_birth,
        compared.gender,
        compared.email_address,
        compared.national_insurance_number,
        compared.date_of_death,
        compared.induction_status,
        compared.induction_start_date,
        compared.induction_completed_date,
        compared.recorded_qts_date,
        compared.recorded_eyts_date,
        compared.recorded_pqts_date,
        compared.has_recorded_eyps,
        compared.recorded_qtls_status,
        compared.dates_out_of_range
    from compared
    inner join stretches
        on
            compared.person_id = stretches.person_id
            and compared.known_from = stretches.known_from

)

select * from final
