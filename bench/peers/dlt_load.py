"""Runs in dlt's own environment: loads one table from one PostgreSQL database into another, and says how long it took.

The connections come in the environment (`SOURCE`, `TARGET`), so that no password is in a list of processes.
"""

import json
import os
import sys
import time

import dlt
from dlt.sources.sql_database import sql_table


def main(table: str, columns: list[str], folder: str) -> None:
    began = time.perf_counter()
    pipeline = dlt.pipeline(
        "peer", pipelines_dir=folder, destination=dlt.destinations.postgres(os.environ["TARGET"]), dataset_name="peer"
    )
    rows = sql_table(
        os.environ["SOURCE"].replace("postgresql:", "postgresql+psycopg2:"),
        table=table,
        backend="pyarrow",
        chunk_size=50_000,
        included_columns=columns,
        reflection_level="full_with_precision",
    )
    pipeline.run(rows, loader_file_format="parquet", write_disposition="replace")
    seconds = time.perf_counter() - began
    counts = pipeline.last_trace.last_normalize_info.row_counts
    sys.stdout.write(json.dumps({"seconds": seconds, "rows": counts[table]}) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2].split(","), sys.argv[3])
