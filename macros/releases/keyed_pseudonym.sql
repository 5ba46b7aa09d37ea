{#
    The keyed pseudonym of an identifier: the HMAC-SHA-256 of its text, as 64 hexadecimal digits, the same as
    warehouse/core/keys.py gives. It is personal (warehouse/core/lineage/releases.yml).

    No model of this project calls it: files get their pseudonyms while they are written, and no key reaches the database
    (docs/adr/0037-keyed-pseudonyms.md). It is for sessions that hold a key of their own.

    key: bytes, as SQL; never a literal, which the server's log and pg_stat_activity would show. In PostgreSQL
        `decode(current_setting('warehouse.key'), 'hex')`, set with a bound parameter; in BigQuery a query parameter.
#}
{% macro keyed_pseudonym(expression, key) -%}
    {%- if "'" in key and not key.startswith("decode(current_setting('") -%}
        {{ exceptions.raise_compiler_error("keyed_pseudonym takes its key from a setting or a parameter, never as a literal.") }}
    {%- endif -%}
    /* released: keyed_pseudonym */ ({{ adapter.dispatch('hmac_sha256')(key, as_text(expression)) }})
{%- endmacro %}

{# RFC 2104: H(K xor opad, H(K xor ipad, text)), with the key padded to the 64 bytes of SHA-256's block. #}
{% macro default__hmac_sha256(key, text) -%}
    to_hex(sha256(concat(
        {{ padded_key(key) }} ^ repeat(b'\x5c', 64),
        sha256(concat({{ padded_key(key) }} ^ repeat(b'\x36', 64), cast({{ text }} as bytes)))
    )))
{%- endmacro %}

{% macro padded_key(key) -%}
    rpad(if(byte_length({{ key }}) > 64, sha256({{ key }}), {{ key }}), 64, b'\x00')
{%- endmacro %}

{% macro postgres__hmac_sha256(key, text) -%}
    encode(sha256({{ key_block(key, 92) }} || sha256({{ key_block(key, 54) }} || convert_to({{ text }}, 'UTF8'))), 'hex')
{%- endmacro %}

{# Each byte of the padded key, xor a byte: PostgreSQL has no such operator for bytes. Computed once for a query. #}
{% macro key_block(key, byte) -%}
    (
        select string_agg(set_byte(decode('00', 'hex'), 0, get_byte(k.padded, i.place) # {{ byte }}), decode('', 'hex') order by i.place)
        from (
            select substr(
                case when length({{ key }}) > 64 then sha256({{ key }}) else {{ key }} end || decode(repeat('00', 64), 'hex'), 1, 64
            ) as padded
        ) as k
        cross join generate_series(0, 63) as i (place)
    )
{%- endmacro %}
