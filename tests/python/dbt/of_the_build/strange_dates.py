"""Dates that clients cannot read, in every dated column of the replicated tables.

The first day and the least moment of .NET, a year typed with five digits, and both infinities: none of them stops a
build or reaches a client, and each is counted, listed, and kept as text beside the column that is null. The columns
are those of replication/trs.yml: a new one is covered by itself.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from typing import TYPE_CHECKING, Final

import pandas
import psycopg
import yaml

from tests.python.dbt.of_the_build.bad_input import key_of
from warehouse.core.settings import PROJECT
from warehouse.replicate.classification import load_classification

if TYPE_CHECKING:
    from tests.python.dbt.built import Built

COLUMNS: Final = PROJECT / "tests/python/sandbox/schema/columns.csv"
STRANGE: Final = ("0001-01-01", "12026-02-03", "infinity", "-infinity")


def dated() -> dict[str, dict[str, str]]:
    """The dates and times of each replicated table, each with its type."""
    published = load_classification().published
    found: dict[str, dict[str, str]] = defaultdict(dict)
    with COLUMNS.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            is_dated = row["type"] == "date" or row["type"].startswith("timestamp")
            if is_dated and row["column"] in published.get(row["table"], ()):
                found[row["table"]][row["column"]] = row["type"]
    return dict(found)


# Each in a row of its own, and in one that has a date there as long as there is one: what is open stays open. Events
# that have nothing else (bad_input.py) keep their day, by which they are found.
_PLANTED: Final = """
update {table} set {column} = '{value}' where ctid = (select ctid from {table}
    where {column} is null or {column} between '0002-01-01' and '9998-12-31' and {column} <> '1999-12-31 12:00Z'
    order by {column} is null, md5(concat_ws(' ', {key})) limit 1 offset {place});
"""

# What the tests count of the tables of TRS, they count of what a client can read: null in place of the rest. An end, a
# deletion and a death stay, because whether there is one decides what a row is.
READABLE: Final = """
create schema readable;
do $$
declare
    name text;
    columns text;
begin
    for name in select tablename from pg_tables where schemaname = 'public' loop
        select string_agg(
            case when format_type(atttypid, null) !~ '^(date|timestamp[a-z ]*)$' then quote_ident(attname)
                when attname in ('end_date', 'deleted_on', 'date_of_death') then quote_ident(attname)
                else format(
                    'case when %1$I between ''0001-01-01 16:00Z'' and ''9999-12-31 09:59:59Z'' then %1$I end as %1$I',
                    attname
                )
            end, ', ' order by attnum)
        into columns from pg_attribute
        where attrelid = format('public.%I', name)::regclass and attnum > 0 and not attisdropped;
        execute format('create view readable.%1$I as select %2$s from public.%1$I', name, columns);
    end loop;
end
$$;
"""


def _planted() -> str:
    text = ""
    for table, columns in dated().items():
        key = ", ".join(key_of(table))
        for place, column in enumerate(columns):
            for value in STRANGE:
                text += _PLANTED.format(table=table, column=column, value=value, key=key, place=5 * place)
    return text


FAULTS: Final = _planted()

# Keys of marts that have another name than in TRS.
_KEYS: Final = {
    "file_batch_id": "integration_transaction_id",
    "file_batch_record_id": "integration_transaction_record_id",
    "one_login_subject": "subject",
    "trn_request_id": "request_id",
}

_MOMENTS: Final = """
select format('%I.%I', table_schema, table_name), quote_ident(column_name) from information_schema.columns
where table_schema ~ '_(marts|extracts)$' and data_type like 'timestamp%'
"""


def marts_of_records() -> dict[str, tuple[str, list[str]]]:
    """Each mart that has the text, and a row for each of a replicated table: that table, and the key as TRS has it."""
    tables = {tuple(key_of(table)): table for table in dated()}
    found = {}
    for file in sorted((PROJECT / "models/marts").glob("*/*.yml")):
        (model,) = yaml.safe_load(file.read_text(encoding="utf-8"))["models"]
        key = [_KEYS.get(name, name) for name in model["config"]["meta"]["grain"]]
        if tuple(key) in tables and "dates_out_of_range" in {column["name"] for column in model["columns"]}:
            found[model["name"]] = (tables[tuple(key)], key)
    return found


class TestStrangeDates:
    def test_each_is_readable_or_null_and_kept_as_text_in_its_row(self, built: Built) -> None:
        columns = dated()
        assert sum(map(len, columns.values())) > 75
        for table, types in columns.items():
            same = " and ".join(f"s.{name}::text = t.{name}::text" for name in key_of(table))
            for column, data_type in types.items():
                # The first day is one like others; the first moment is in the year before where clocks are behind UTC.
                is_read = f"t.{column} = '0001-01-01'" if data_type == "date" else "false"
                text = f"coalesce(position('{column} ' || t.{column}::text in s.dates_out_of_range), 0) > 0"
                found = dict(
                    built.rows(
                        f"""select split_part(t.{column}::text, ' ', 1), bool_and(case when {is_read}
                            then s.{column} = t.{column} and not {text} else s.{column} is null and {text} end)
                        from public.{table} as t left join stg_trs__{table} as s on {same}
                        where t.{column}::text ~ '^({"|".join(STRANGE)})' group by 1"""
                    )
                )
                assert found == dict.fromkeys(STRANGE, True), (table, column)

    def test_each_is_counted_and_its_row_is_listed(self, built: Built) -> None:
        counted = dict(built.rows("select table_name, infinite_value_count from fct_replica_quality"))
        for table, types in dated().items():
            nulls = "select count(*), sum(" + " + ".join(f"({column} is null)::int" for column in types) + ") from "
            ((rows, before),) = built.rows(f"{nulls} public.{table}")
            ((staged, after),) = built.rows(f"{nulls} stg_trs__{table}")
            assert (staged, after - before) == (rows, counted[table]) and after > before, table
            listed = built.found(f"as_described_stg_trs__{table}_", "breach_column", "breach_rule", "breach_rows")
            marked = built.number(f"select count(*) from stg_trs__{table} where dates_out_of_range is not null")
            assert ("dates_out_of_range", "readable_dates", marked) in listed, table

    def test_a_mart_has_the_text_of_its_record(self, built: Built) -> None:
        names = {of_trs: of_mart for of_mart, of_trs in _KEYS.items()}
        seen = set()
        for mart, (table, key) in marts_of_records().items():
            same = " and ".join(f"m.{names.get(name, name)} = s.{name}::text" for name in key)
            ((met, kept),) = built.rows(
                f"""select count(*), count(*) filter (where position(s.dates_out_of_range in m.dates_out_of_range) > 0)
                from {mart} as m join stg_trs__{table} as s on {same} where s.dates_out_of_range is not null"""
            )
            assert met == kept, mart
            seen |= {mart} if met else set()
        assert len(seen) > 15

    def test_pandas_reads_every_mart_and_extract_wherever_the_client_is(self, built: Built) -> None:
        listed = "select format('%I.%I', schemaname, tablename) from pg_tables where schemaname ~ '_(marts|extracts)$'"
        relations = [relation for (relation,) in built.rows(listed)]
        assert len(relations) > 60
        # Where the day is the latest that it can be; then where it is the earliest, and the least moment in the year 0.
        with psycopg.connect(built.conninfo, options="-c timezone=Pacific/Kiritimati") as connection:
            for relation in relations:
                pandas.read_sql(f"select * from {relation}", connection)
            connection.execute("set timezone = 'Etc/GMT+12'")
            for relation, column in built.rows(_MOMENTS):
                connection.execute(f"select min({column}) from {relation}".encode()).fetchall()
