"""The emulator of BigQuery (local-bigquery 0.4.0) as a process of its own, on the Python that the product has.

It runs in its own environment (requirements/emulator.lock), not in the product's, and nothing of the package is
changed on disk. Five things differ from what it does by itself:

- Two of its files use a grammar of Python 3.12 and later; they are read with the repairs below.
- It asks for duckdb 2.0, whose extensions no package has; it gets 1.5.5 and its extensions from packages, below HOME.
- `duckdb.connect` with a time zone looks for an extension on the network; the zone is set after connecting.
- `create table ... as select` says which table it made, without which dbt's adapter stops.
- It looks a table and its columns up by themselves, and no temporary tables, which only sessions have. As it is, it
  lists the tables of every dataset, many times for a statement, which was three quarters of its time.

    python serve.py HOST PORT PORT_FOR_GRPC DATA_FOLDER PROJECT
"""

from __future__ import annotations

import importlib.machinery
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Final

# By module: a text of version 0.4.0, and the same without newer grammar.
REPAIRS: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "local_bigquery.catalog.metadata": (
        ("def list_[R: Resource](", "def list_("),
        ("def load[R: Resource](", "def load("),
        ("def save[R: Resource](", "def save("),
        ("type[R]", "type"),
        ("list[R]", "list"),
        ("-> R | None", "-> object"),
        ("resource: R,", "resource,"),
        ("-> R:", ":"),
    ),
    "local_bigquery.engine.results": (
        (
            """f"THEN error('{message.replace("'", "''")}') ELSE {expression} END\"""",
            """"THEN error('" + message.replace("'", "''") + f"') ELSE {expression} END\"""",
        ),
    ),
}


def repaired(module: str, text: str) -> str:
    """The source of a module in the grammar of Python 3.11.

    Raises:
        SystemExit: another version of the package, which these repairs do not fit.
    """
    for newer, older in REPAIRS[module]:
        if newer not in text:
            raise SystemExit(
                f"{module} does not have the text {newer!r}: this is not local-bigquery 0.4.0.\n"
                "Next: adapt REPAIRS in tests/python/dbt/emulator/serve.py to the version in requirements/emulator.lock"
            )
        text = text.replace(newer, older)
    return text


class _Loader(importlib.machinery.SourceFileLoader):
    def get_code(self, fullname: str) -> Any:
        path = self.get_filename(fullname)
        return compile(repaired(fullname, Path(path).read_text(encoding="utf-8")), path, "exec")


class _Finder(importlib.machinery.PathFinder):
    @classmethod
    def find_spec(
        cls, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname not in REPAIRS:
            return None
        found = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if found and found.origin:
            found.loader = _Loader(fullname, found.origin)
        return found


def _offline_duckdb() -> None:
    import duckdb
    import duckdb_extensions

    for extension in ("ducklake", "httpfs", "spatial"):
        duckdb_extensions.import_extension(extension)
    connect = duckdb.connect

    def with_zone_afterwards(
        database: str = ":memory:", read_only: bool = False, config: dict[str, Any] | None = None, **others: Any
    ) -> Any:
        config = dict(config or {})
        zone = config.pop("TimeZone", None)
        made = connect(database, read_only=read_only, config=config, **others)
        if zone:
            made.execute(f"set global TimeZone = '{zone}'")
        return made

    duckdb.connect = with_zone_afterwards


def _name_new_tables() -> None:
    from local_bigquery.jobs import query

    execute = query.execute

    def with_destination(*arguments: Any, **named: Any) -> Any:
        statistics, children, destination = execute(*arguments, **named)
        if destination is None and statistics.statementType == "CREATE_TABLE_AS_SELECT":
            destination = statistics.ddlTargetTable
        return statistics, children, destination

    query.execute = with_destination


def _look_up_by_name() -> None:
    import duckdb
    from local_bigquery.engine import database

    listed, fetched = database.objects, database.fetch

    def objects(project_id: str, dataset_id: str, table_id: str | None = None) -> list[tuple[str, str, int]]:
        if table_id is None:
            return listed(project_id, dataset_id)
        with database.cursor() as cursor:
            try:
                cursor.execute(f"select * from {database.quote(project_id, dataset_id, table_id)} limit 0")
            except (duckdb.CatalogException, duckdb.BinderException):
                return []
        # The builds that are compared have no views (parity.py), and nobody asks for a size.
        return [(table_id, "TABLE", 0)]

    def fetch(statement: str, values: list[Any] | None = None) -> list[tuple[Any, ...]]:
        if values and statement.startswith("SELECT column_name FROM duckdb_columns()"):
            described = fetched(f"describe {database.quote(*values)}")
            return [(name,) for name, _, nullable, *_ in described if nullable == "NO"]
        return fetched(statement, values)

    database.objects, database.fetch = objects, fetch


class _WithoutSession:
    """A cursor of a job, in which no temporary table was made before."""

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)

    def sql(self, text: str, **named: Any) -> Any:
        none = text == "SELECT table_name FROM duckdb_tables() WHERE temporary"
        return self._cursor.sql("select '' where false" if none else text, **named)


def _look_for_no_temporary_tables() -> None:
    from local_bigquery.jobs import query

    execute = query.execute

    def without_session(cursor: Any, *arguments: Any, session: Any = None, **named: Any) -> Any:
        return execute(cursor if session else _WithoutSession(cursor), *arguments, session=session, **named)

    query.execute = without_session


def main(host: str, port: str, grpc_port: str, folder: str, project: str) -> None:
    """Serve until somebody ends the process."""
    sys.meta_path.insert(0, _Finder)
    _offline_duckdb()
    _name_new_tables()
    _look_for_no_temporary_tables()
    _look_up_by_name()
    from local_bigquery import cli

    places = ["--host", host, "--port", port, "--grpc-port", grpc_port]
    cli.main([*places, "--data-dir", folder, "--project", project, "serve"])


if __name__ == "__main__":
    main(*sys.argv[1:])
