{#
    A name as a search compares it: composed (NFC), in lower case, each run of white space one space, none at the ends, ß as
    ss, a final sigma as any other, a dotted i as i; null when nothing is left. `Núñez` is found, however its accents were
    typed. PostgreSQL lowers letters by the locale of the database: in one of locale C, only those of ASCII.
#}
{% macro search_name(expression) -%}
    {{ adapter.dispatch('search_name')(expression) }}
{%- endmacro %}

{% macro default__search_name(expression) -%}
    nullif(
        trim(
            regexp_replace(
                {{ folded('lower(normalize(' ~ as_text(expression) ~ ', nfc))') }},
                '[\s\u00a0\u1680\u2000-\u200b\u2028\u2029\u202f\u205f\u3000\ufeff]+', ' ', 'g'
            )
        ),
        ''
    )
{%- endmacro %}

{% macro bigquery__search_name(expression) -%}
    nullif(
        trim(
            regexp_replace(
                {{ folded('lower(normalize(' ~ as_text(expression) ~ ', NFC))') }},
                r'[\s\x{00a0}\x{1680}\x{2000}-\x{200b}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}\x{feff}]+', ' '
            )
        ),
        ''
    )
{%- endmacro %}

{# What lowering leaves apart although it is the same letter. #}
{% macro folded(expression) -%}
    replace(replace(replace({{ expression }}, 'ß', 'ss'), 'ς', 'σ'), 'i̇', 'i')
{%- endmacro %}
