{#
    A detail of a person as an event has it, one of `details`, in the object `PersonDetails` (or what it is called there) of its
    payload. National Insurance numbers are written in the one form in which they can be compared.
#}
{% macro detail_in(payload, object, detail, details) -%}
    case {{ detail }}
        {%- for name, words in details.items() %}
        {%- set value = json_text(payload, [object, name]) %}
        when '{{ words }}'
            then {{ normalised_nino(value) if name == 'NationalInsuranceNumber' else value }}
        {%- endfor %}
    end
{%- endmacro %}

{# Whether Teachers' Pensions hears of a person as a new one: who came from them is known there; so is the gender, which has two codes. #}
{% macro is_new_to_pensions(people) -%}
    {{ people }}.is_active
    and not coalesce({{ people }}.created_by_tps, false)
    and {{ people }}.gender_label in ('Male', 'Female')
{%- endmacro %}

{# Teachers' Pensions' code of a gender; null for one that it has no code for. #}
{% macro pensions_gender_code(gender_label) -%}
    case {{ gender_label }} when 'Male' then '1' when 'Female' then '2' end
{%- endmacro %}
