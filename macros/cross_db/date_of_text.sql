{# The date that a text has in the form yyyy-mm-dd, as JSON has dates; null for any other text, also one of no day, 2026-02-30. #}
{% macro date_of_text(expression) -%}
    {{ adapter.dispatch('date_of_text')(expression) }}
{%- endmacro %}

{% macro default__date_of_text(expression) -%}
    case
        when {{ expression }} ~ '^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$' and {{ expression }} !~ '^0000'
            then case
                when
                    cast(right({{ expression }}, 2) as int)
                    <= extract(day from cast(left({{ expression }}, 7) || '-01' as date) + interval '1 month' - interval '1 day')
                    then cast({{ expression }} as date)
            end
    end
{%- endmacro %}

{% macro bigquery__date_of_text(expression) -%}
    case when regexp_contains({{ expression }}, r'^[0-9]{4}-[0-9]{2}-[0-9]{2}$') then safe_cast({{ expression }} as date) end
{%- endmacro %}
