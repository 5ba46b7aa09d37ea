{#-
    What events say of identifiers: of each the kind, where in the payload it stands, whose it is, and whether it is what was
    there before a change.
-#}
{%- set nino, reference, subject = 'National Insurance number', 'application reference', 'One Login subject' -%}
{%- set person = ['PersonId'] -%}
{%- set told = [
    (nino, ['Details', 'NationalInsuranceNumber'], person, false),
    (nino, ['PersonDetails', 'NationalInsuranceNumber'], person, false),
    (nino, ['OldPersonDetails', 'NationalInsuranceNumber'], person, true),
    (nino, ['PersonAttributes', 'NationalInsuranceNumber'], person, false),
    (nino, ['OldPersonAttributes', 'NationalInsuranceNumber'], person, true),
    ('TRN', ['Trn'], person, false),
    ('TRN', ['PersonTrn'], person, false),
    ('TRN', ['SecondaryPersonTrn'], ['SecondaryPersonId'], false),
    ('TRN', ['Details', 'Trn'], person, false),
    ('TRN', ['OldDetails', 'Trn'], person, true),
    (reference, ['RouteToProfessionalStatus', 'SourceApplicationReference'], person, false),
    (reference, ['OldRouteToProfessionalStatus', 'SourceApplicationReference'], person, true),
    (reference, ['InitialTeacherTraining', 'SlugId'], person, false),
    (reference, ['OldInitialTeacherTraining', 'SlugId'], person, true),
    (reference, ['DqtInitialTeacherTraining', 'SlugId'], person, false),
    (subject, ['OneLoginUser', 'Subject'], ['OneLoginUser', 'PersonId'], false),
    (subject, ['OldOneLoginUser', 'Subject'], ['OldOneLoginUser', 'PersonId'], true)
] -%}

with

newer_events as (

    select * from {{ ref('stg_trs__process_events') }}

),

older_events as (

    select * from {{ ref('stg_trs__events') }}

),

events as (

    select
        event_name,
        created_on as event_at,
        payload
    from newer_events
    union all
    select
        event_name,
        created as event_at,
        payload
    from older_events

),

-- Nothing but the identifiers is kept of a payload: it is long, and each is looked up once.
read as (

    select
        {%- for _, path, person_path, _ in told %}
        lower({{ json_text('payload', person_path) }}) as person_{{ loop.index }},
        {{ json_text('payload', path) }} as value_{{ loop.index }},
        {%- endfor %}
        {{ london_date('event_at') }} as event_date
    from events
    where
        event_name like 'Person%'
        or event_name like 'RouteToProfessionalStatus%'
        or event_name like 'DqtInitialTeacherTraining%'
        or event_name like '%SupportTask%edEvent'
        or event_name like 'OneLoginUser%'
        or event_name = 'TrnAllocatedEvent'

),

seen as (

    {% for kind, _, _, is_before in told -%}
    select
        person_{{ loop.index }} as identified_person_id,
        '{{ kind }}' as identifier_type,
        {{ normalised_nino('value_' ~ loop.index) if kind == nino else 'value_' ~ loop.index }} as identifier_value,
        '{{ 'event, before a change' if is_before else 'event' }}' as seen_in,
        event_date
    from read
    where person_{{ loop.index }} is not null and value_{{ loop.index }} is not null
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

final as (

    select
        identified_person_id,
        identifier_type,
        identifier_value,
        seen_in,
        min(event_date) as first_seen_date,
        max(event_date) as last_seen_date
    from seen
    where identifier_value is not null
    group by identified_person_id, identifier_type, identifier_value, seen_in

)

select * from final
