"""The sources of the project, from PostgreSQL into the emulator: Parquet files, and load jobs with a schema.

What BigQuery cannot hold is null there, as docs/adr/0044-born-on-both-engines.md has it, and counted: a date or moment
that is infinite or outside the years 1 to 9999. A list of null has no rows to compare: BigQuery reads it as empty.
"""

from __future__ import annotations

import io
from typing import Any, Final

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
from google.cloud import bigquery

from tests.python.dbt.googlesql.engine import Column

# What is sent of a column, by the type that it has on BigQuery.
_SENT: Final = {
    "STRING": "{0}::text",
    "JSON": "{0}::text",
    "INTEGER": "{0}::text::bigint",
    "DATE": "case when {0} between '0001-01-01' and '9999-12-31' then {0} end",
    "TIMESTAMP": "case when {0} between '0001-01-02 00:00Z' and '9999-12-31 00:00Z' then {0} end",
}
CANNOT_HOLD: Final = {
    "DATE": "{0} not between '0001-01-01' and '9999-12-31'",
    "TIMESTAMP": "{0} not between '0001-01-02 00:00Z' and '9999-12-31 00:00Z'",
}
_ARROW: Final = {
    "STRING": pa.string(),
    "JSON": pa.string(),
    "INTEGER": pa.int64(),
    "FLOAT": pa.float64(),
    "NUMERIC": pa.decimal128(38, 9),
    "BOOLEAN": pa.bool_(),
    "DATE": pa.date32(),
    "TIMESTAMP": pa.timestamp("us", "UTC"),
}
_ELEMENTS: Final = {"STRING": "{0}::text[]", "INTEGER": "{0}::bigint[]"}


def load(
    client: bigquery.Client,
    connection: psycopg.Connection[Any],
    sources: dict[tuple[str, str, str], tuple[Column, ...]],
    schemas: dict[str, str],
) -> dict[tuple[str, str], int]:
    """Load every source that there is in PostgreSQL.

    Args:
        sources: the columns of each, by project, dataset and name.
        schemas: PostgreSQL's schema of a dataset.

    Returns:
        By table and column: how many values BigQuery cannot hold and are null there. Columns without any are left out.
    """
    for dataset in schemas:
        client.create_dataset(dataset, exists_ok=True)
    nulled: dict[tuple[str, str], int] = {}
    for (project, dataset, name), known in sources.items():
        table = f"{schemas[dataset]}.{name}"
        # Of the ledger the migrations' text is read, in which a note may look like a column.
        there = {c.name for c in connection.execute(f"select * from {table} limit 0".encode()).description or ()}
        columns = tuple(column for column in known if column.name in there)
        dated = {
            c.name: CANNOT_HOLD[c.kind].format(f'"{c.name}"')
            for c in columns
            if c.kind in CANNOT_HOLD and not c.is_array
        }
        counts = ", ".join(f"count(*) filter (where {rule})" for rule in dated.values()) or "0"
        sent = ", ".join(_expression(each) for each in columns)
        rows = connection.execute(f"select {sent} from {table}".encode()).fetchall()
        for column, count in zip(
            dated, connection.execute(f"select {counts} from {table}".encode()).fetchone() or (), strict=False
        ):
            if count:
                nulled[table, column] = count
        _load(client, f"{project}.{dataset}.{name}", columns, rows)
    return nulled


def _expression(column: Column) -> str:
    rules = _ELEMENTS if column.is_array else _SENT
    return rules.get(column.kind, "{0}").format(f'"{column.name}"')


def _load(client: bigquery.Client, table: str, columns: tuple[Column, ...], rows: list[tuple[Any, ...]]) -> None:
    schema = [bigquery.SchemaField(c.name, c.kind, mode="REPEATED" if c.is_array else "NULLABLE") for c in columns]
    if not rows:
        client.create_table(bigquery.Table(table, schema=schema), exists_ok=True)
        return
    values = list(zip(*rows, strict=True))
    types = [pa.list_(_ARROW[c.kind]) if c.is_array else _ARROW[c.kind] for c in columns]
    arrays = [
        pa.array([[] if each is None else each for each in given] if column.is_array else given, type=type_)
        for column, type_, given in zip(columns, types, values, strict=True)
    ]
    file = io.BytesIO()
    pq.write_table(pa.table(arrays, names=[c.name for c in columns]), file)
    configuration = bigquery.LoadJobConfig(source_format="PARQUET", schema=schema, write_disposition="WRITE_TRUNCATE")
    client.load_table_from_file(file, table, rewind=True, job_config=configuration).result()
