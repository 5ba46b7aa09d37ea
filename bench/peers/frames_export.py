"""Runs in the peers' own environment: writes one table to a file, and says what it took of time and memory.

The connection comes in the environment, so that no password is in a list of processes.
"""

import gzip
import importlib
import json
import os
import resource
import sys
import time
from pathlib import Path

CONNECTION = "TRW_BENCH_WIDE"
ROWS_OF_CHUNK = 50_000
REPLACED = ["person_id", "hours", "salary"]
IMPORTED = {
    "pandas": ("pandas", "pyarrow.parquet", "sqlalchemy", "psycopg"),
    "polars": ("polars", "pyarrow", "adbc_driver_postgresql.dbapi"),
    "duckdb": ("duckdb", "duckdb_extensions"),
}
"""Before the time begins, as ours are."""
HOW_DUCKDB = {
    "csv": "format csv, header",
    "csv.gz": "format csv, header, compression gzip",
    "parquet": "format parquet, compression zstd",
}


def main(way: str, kind: str, table: str, key: str, folder: str) -> None:
    Path(folder).mkdir(parents=True, exist_ok=True)
    target = Path(folder) / f"{way}.{kind}"
    # Their readers have no type for these that each of their writers knows.
    given = "person_id::text as person_text, hours::float8 as hours_number, salary::float8 as salary_number"
    query = f"select {given}, * from {table} order by {key}"  # noqa: S608 - names of our own
    write = {"pandas": of_pandas, "polars": of_polars, "duckdb": of_duckdb}[way]
    for name in IMPORTED[way]:
        importlib.import_module(name)
    before, wall, own = peak_mb(), time.perf_counter(), time.process_time()
    write(os.environ[CONNECTION], query, table, key, kind, target)
    found = {"seconds": time.perf_counter() - wall, "cpu": time.process_time() - own, "server_cpu": 0.0}
    found |= {"peak_mb": peak_mb(), "mb_before": before, "bytes": target.stat().st_size}
    target.unlink()
    sys.stdout.write(json.dumps(found) + "\n")


def of_pandas(url: str, query: str, _table: str, _key: str, kind: str, target: Path) -> None:
    pd, pa, sqlalchemy = map(importlib.import_module, ("pandas", "pyarrow", "sqlalchemy"))
    parquet = importlib.import_module("pyarrow.parquet")
    engine = sqlalchemy.create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    writer = None
    with engine.connect().execution_options(stream_results=True) as connection:
        for chunk in pd.read_sql(sqlalchemy.text(query), connection, chunksize=ROWS_OF_CHUNK):
            rows = chunk.drop(columns=REPLACED)
            if kind != "parquet":
                packed = "gzip" if kind == "csv.gz" else None
                rows.to_csv(target, mode="a", header=not target.exists(), index=False, compression=packed)
                continue
            table = pa.Table.from_pandas(rows, schema=writer.schema if writer else None, preserve_index=False)
            writer = writer or parquet.ParquetWriter(target, table.schema, compression="zstd")
            writer.write_table(table)
    if writer:
        writer.close()


def of_polars(url: str, query: str, _table: str, _key: str, kind: str, target: Path) -> None:
    frame = importlib.import_module("polars").read_database_uri(query, url, engine="adbc").drop(REPLACED)
    if kind == "csv":
        frame.write_csv(target)
    elif kind == "csv.gz":
        with gzip.open(target, "wb") as packed:
            frame.write_csv(packed)
    else:
        frame.write_parquet(target, compression="zstd")


def of_duckdb(url: str, _query: str, table: str, key: str, kind: str, target: Path) -> None:
    duckdb = importlib.import_module("duckdb")
    importlib.import_module("duckdb_extensions").import_extension("postgres_scanner")
    with duckdb.connect() as connection:
        connection.execute("load postgres_scanner")
        connection.execute(f"attach '{url}' as server (type postgres, read_only)")
        how = HOW_DUCKDB[kind]
        connection.execute(f"copy (select * from server.{table} order by {key}) to '{target}' ({how})")  # noqa: S608 - as above


def peak_mb() -> float:
    status = Path("/proc/self/status")
    if status.exists():
        line = next(one for one in status.read_text().splitlines() if one.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)


if __name__ == "__main__":
    main(*sys.argv[1:])
