"""What dbt's adapter takes for BigQuery's client: no network, no rows, and Google's analyzer behind each statement.

The adapter itself is dbt's own, unchanged: the statements are those that BigQuery would get, contract queries, unit
tests and `create or replace table` included.
"""

from __future__ import annotations

import itertools
import re
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

from google.api_core.exceptions import BadRequest, NotFound
from google.cloud.bigquery import Dataset, DatasetReference, SchemaField, Table, TableReference

from tests.python.dbt.googlesql.engine import PATH, Column, Engine, Refused

# The answer of a query that reads tables: of a data test, that no row was found. Such a query is resolved and not run.
NO_ROWS: Final = {"failures": 0, "should_warn": False, "should_error": False}

# dbt says in a comment of each statement which node it is for.
IS_QUERY: Final = re.compile(r"(\s|/\*.*?\*/|--[^\n]*\n)*(with|select)\b", re.IGNORECASE | re.DOTALL)
NODE: Final = re.compile(r'^/\* .*"node_id": "([^"]+)"')


class Client:
    """One project in one analyzer.

    Attributes:
        resolved: how many statements were resolved, by kind.
        executed: nodes of which the reference engine ran a query.
        refused: the statements that BigQuery would not run, each with the reason.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._views: set[PATH] = set()
        self.resolved: Counter[str] = Counter()
        self.executed: set[str] = set()
        self.refused: list[tuple[str, str]] = []

    # ---- statements

    def query(self, query: str, **_: Any) -> Job:
        with self._lock:
            try:
                return self._query(query)
            except Refused as problem:
                self.refused.append((query, str(problem)))
                raise BadRequest(str(problem), errors=[{"reason": "invalidQuery", "message": str(problem)}]) from None

    def _query(self, sql: str) -> Job:
        if IS_QUERY.match(sql) and not self._engine.names_a_table(sql):
            columns, found = self._engine.run(sql)
            self.executed |= set(NODE.findall(sql))
            return Job("SELECT", Answer(columns, found))
        statement = self._engine.resolve(sql)
        self.resolved[statement.kind] += 1
        if statement.creates:
            self._engine.add_table(statement.creates, statement.columns)
            if statement.kind == "create_view":
                self._views.add(statement.creates)
            return Job(statement.kind.upper(), Answer(statement.columns, []))
        rows: list[dict[str, Any]] = []
        if statement.columns and {column.name for column in statement.columns} <= NO_ROWS.keys():
            rows = [{column.name: NO_ROWS[column.name] for column in statement.columns}]
        return Job("SELECT" if statement.kind == "query" else statement.kind.upper(), Answer(statement.columns, rows))

    def cancel_job(self, *_: Any, **__: Any) -> None: ...

    def close(self) -> None: ...

    # ---- tables and datasets

    def get_table(self, reference: TableReference | None) -> Table | AnswerTable:
        if reference is None:
            return AnswerTable()
        path = _path(reference)
        columns = self._engine.table(path)
        if columns is None:
            raise NotFound(f"table {'.'.join(path)}")
        table = Table(reference, schema=[_field(column) for column in columns])
        table._properties["type"] = "VIEW" if path in self._views else "TABLE"
        return table

    def delete_table(self, reference: TableReference, **_: Any) -> None:
        self._engine.drop_table(_path(reference))

    def update_table(self, table: Table, _fields: list[str]) -> Table:
        return table

    def load_table_from_file(self, _file: Any, destination: TableReference, job_config: Any, **_: Any) -> Job:
        with self._lock:
            self._engine.add_table(
                _path(destination), tuple(Column(f.name, _kind(f.field_type)) for f in job_config.schema)
            )
        return Job("LOAD", Answer((), []))

    def list_tables(self, *_: Any, **__: Any) -> Iterator[Any]:
        return iter(())

    def list_routines(self, *_: Any, **__: Any) -> Iterator[Any]:
        return iter(())

    def get_routine(self, reference: Any) -> None:
        raise NotFound(str(reference))

    def list_datasets(self, *_: Any, **__: Any) -> Iterator[Any]:
        return iter(())

    def create_dataset(self, dataset: DatasetReference, **_: Any) -> Dataset:
        return Dataset(dataset)


class Job:
    """A job that is over."""

    _numbers = itertools.count(1)

    state = "DONE"
    error_result = None
    destination = None
    location = None
    project = None
    slot_millis = 0
    total_bytes_processed = 0
    total_bytes_billed = 0
    num_dml_affected_rows = 0

    def __init__(self, statement_type: str, answer: Answer) -> None:
        self.statement_type = statement_type
        self.job_id = str(next(self._numbers))
        self._answer = answer

    def result(self, **_: Any) -> Any:
        return self if self.statement_type == "LOAD" else self._answer


class AnswerTable:
    """The table that BigQuery keeps an answer in."""

    num_rows = 0


class Answer:
    """Rows with the schema that they have."""

    def __init__(self, columns: tuple[Column, ...], rows: list[dict[str, Any]]) -> None:
        self.schema = [_field(column) for column in columns]
        self._rows = rows

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self._rows)


def _path(reference: TableReference) -> PATH:
    return reference.project, reference.dataset_id, reference.table_id


def _field(column: Column) -> SchemaField:
    return SchemaField(column.name, column.kind, mode="REPEATED" if column.is_array else "NULLABLE")


def _kind(type_: str) -> str:
    """The name in a schema of a type of SQL."""
    return {"INT64": "INTEGER", "FLOAT64": "FLOAT", "BOOL": "BOOLEAN"}.get(type_.upper(), type_.upper())
