{#
    Codes of TRS mapped back to those of the old reporting tables (seeds/legacy_codes.csv). A view imports a set of codes

        genders as (

            {{ legacy_codes('gender') }}

        ),

    joins it on `genders.trs_value = {{ as_text('persons.gender') }}`, and shows
    `{{ legacy_code('persons.gender', 'genders') }}`.
#}
{% macro legacy_codes(code_set) -%}
    select
        trs_value,
        legacy_code,
        legacy_value
    from {{ ref('legacy_codes') }}
    where code_set = '{{ code_set }}'
{%- endmacro %}

{# The old number of a code; null where TRS has none or the set says that there was none; -1 for a code that the set lacks. #}
{% macro legacy_code(code, codes) -%}
    case
        when {{ codes }}.trs_value is not null then {{ codes }}.legacy_code
        when {{ code }} is not null then {{ unmapped_code() }}
    end
{%- endmacro %}

{# The same of a code that was text: `unknown (GB-ENG)` for one that the set lacks. #}
{% macro legacy_value(code, codes) -%}
    case
        when {{ codes }}.trs_value is not null then {{ codes }}.legacy_value
        else {{ unknown_code(code) }}
    end
{%- endmacro %}

{# Stands for a code of TRS that the old sets have no number for. No option set had a negative one. #}
{% macro unmapped_code() -%}
    -1
{%- endmacro %}

{# The rows of one of the old look-up tables (seeds/legacy_lookups.csv). #}
{% macro legacy_lookup(legacy_table) -%}
    select
        legacy_value,
        legacy_name,
        is_active
    from {{ ref('legacy_lookups') }}
    where legacy_table = '{{ legacy_table }}'
{%- endmacro %}

{#
    `statecode` of a row: 0 active, 1 inactive, from whether it is gone or out of use. `statuscode` is one more.

    view: the old table, where these are the last columns of its view.
#}
{% macro legacy_state(is_inactive, view=none) -%}
    {{ old_bit(is_inactive) }} as statecode,
        {{ legacy_last(old_bit(is_inactive) ~ ' + 1 as statuscode', view) }}
{%- endmacro %}

{#
    What stands for the lower or the upper end of a route's ages in the old codes: the age of a range (`age 5`), or the
    named stage, which was both ends (`kind 3`).

    bound: `range_from` or `range_to`.
#}
{% macro legacy_age(routes, bound) -%}
    case
        when {{ routes }}.training_age_specialism_type = 0
            then 'age ' || {{ as_text(routes ~ '.training_age_specialism_' ~ bound) }}
        else 'kind ' || {{ as_text(routes ~ '.training_age_specialism_type') }}
    end
{%- endmacro %}

{# The names that are not empty, with a space between them. #}
{% macro whole_name(people) -%}
    replace({{ as_trimmed_text(people ~ ".first_name || ' ' || " ~ people ~ ".middle_name || ' ' || " ~ people ~ ".last_name") }}, '  ', ' ')
{%- endmacro %}

{# The request by which a person got a TRN: the key of the application and that of the request, in one text. #}
{% macro legacy_request_id(persons) -%}
    {{ persons }}.source_application_user_id || '::' || {{ persons }}.source_trn_request_id
{%- endmacro %}
