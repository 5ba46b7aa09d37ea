{# A National Insurance number as TRS compares it: no spaces, no hyphens, upper case; null when nothing is left. #}
{% macro normalised_nino(expression) -%}
    nullif(upper(replace(replace({{ as_text(expression) }}, ' ', ''), '-', '')), '')
{%- endmacro %}

{#
    Whether a normalised number has a form that TRS accepts: the usual one without the refused prefixes (Q prefixes and
    the suffixes F, M and U come with pension data), or a temporary reference. False for null.
#}
{% macro is_valid_nino(expression) -%}
    coalesce(
        (
            {{ regex_matches(expression, '^[A-CEGHJ-PQR-TW-Z][A-CEGHJ-NPQR-TW-Z][0-9]{6}[A-DFMU]$') }}
            and not {{ regex_matches(expression, '^(BG|GB|KN|NK|NT|TN|ZZ)') }}
        )
        or {{ regex_matches(expression, '^[0-9]{2}[A-Z][0-9]{5}$') }},
        false
    )
{%- endmacro %}
