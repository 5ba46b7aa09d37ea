"""pandas, polars and DuckDB beside the wide export: each in the way that its manual shows, in a process of its own."""

from __future__ import annotations

from typing import Final

from bench.measure import Figure
from bench.peers.environment import PeerFailed, as_url, environment
from bench.subscriber import drop_database, other_database
from bench.wide_export import DATABASE, FEW, FILES, LIMIT, costs, measured, topic_of
from bench.wide_process import CONNECTION
from bench.wide_table import KEY, MODEL, fill, write_contract
from warehouse.cli.output import out
from warehouse.core.databases import Databases
from warehouse.core.progress import Progress

WAYS: Final = {
    "pandas": "pandas, read_sql in chunks of 50,000 rows",
    "polars": "polars, read_database_uri by ADBC, then written",
    "duckdb": "DuckDB, its postgres extension and COPY",
}


def wide_exports(databases: Databases, progress: Progress, _measured: list[Figure]) -> list[Figure]:
    """The same rows by each way, the limit beside each."""
    conninfo = other_database(databases, DATABASE)
    folder = databases.settings.warehouse_home / "bench" / "frames"
    figures: list[Figure] = []
    try:
        with environment("frames") as own:
            fill(conninfo, FEW)
            for made in (one for one in FILES if one.what == "file"):
                contract = write_contract(folder / "contracts", made.kind)
                for way, what in WAYS.items():
                    progress.say(f"{made.name}: {way}")
                    limit = measured("limit", contract, conninfo, folder, FEW)
                    try:
                        done = own.run(
                            "frames_export.py",
                            [way, made.kind, f"extracts.{MODEL}", KEY, str(folder)],
                            {CONNECTION: as_url(conninfo)},
                        )
                    except PeerFailed as failure:
                        out.print(f"  {way} was not measured: {failure}")
                        continue
                    times = done["seconds"] / limit["seconds"]
                    more = costs([done]) | {"MB of file": done["bytes"] / 1e6}
                    figures.append(Figure(topic_of(made.name, FEW), what, done["seconds"], FEW, times, LIMIT, (), more))
    except PeerFailed as failure:
        out.print(f"  pandas, polars and DuckDB were not measured: {failure}")
    finally:
        drop_database(databases, DATABASE)
    return figures
