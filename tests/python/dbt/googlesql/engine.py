"""Google's analyzer and reference engine, with the types and the limits that BigQuery has."""

from __future__ import annotations

import ctypes
import os
import re
import sys
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import wasmtime
from google.protobuf.message import Message
from zetasql.core import wasm_client
from zetasql.core.exceptions import ServerError
from zetasql.wasi import get_wasm_path
from zetasql.wasi._pb2.zetasql.local_service import local_service_pb2 as service
from zetasql.wasi._pb2.zetasql.proto import options_pb2, simple_catalog_pb2
from zetasql.wasi._pb2.zetasql.public import options_pb2 as language
from zetasql.wasi._pb2.zetasql.public import type_pb2

PATH = tuple[str, str, str]
"""Project, dataset and name of a table."""

# Names of types as BigQuery's schemas have them, and as its SQL does.
KINDS: Final = {
    "STRING": type_pb2.TYPE_STRING,
    "INTEGER": type_pb2.TYPE_INT64,
    "FLOAT": type_pb2.TYPE_DOUBLE,
    "BOOLEAN": type_pb2.TYPE_BOOL,
    "DATE": type_pb2.TYPE_DATE,
    "DATETIME": type_pb2.TYPE_DATETIME,
    "TIMESTAMP": type_pb2.TYPE_TIMESTAMP,
    "NUMERIC": type_pb2.TYPE_NUMERIC,
    "BYTES": type_pb2.TYPE_BYTES,
    "JSON": type_pb2.TYPE_JSON,
}
NAMES: Final = {kind: name for name, kind in KINDS.items()}

# BigQuery takes these for INT64; the analyzer alone does not know them.
ALIASES: Final = {"bigint": type_pb2.TYPE_INT64, "integer": type_pb2.TYPE_INT64, "int": type_pb2.TYPE_INT64}

_PATHS: Final = re.compile(r"`?(\w+)`?\.`?(\w+)`?\.`?(\w+)`?")
"""Names of tables in a statement, and whatever else has two dots."""


class Refused(Exception):
    """What the analyzer says of a statement that BigQuery would not run."""


@dataclass(frozen=True)
class Column:
    """A column of a table or an answer: its type as a BigQuery schema names it, and whether it is an array of that."""

    name: str
    kind: str
    is_array: bool = False


@dataclass(frozen=True)
class Resolved:
    """A statement whose names and types are right.

    Attributes:
        kind: `query`, `create_table_as_select`, `create_view`, ...
        creates: what it makes, when it makes a table or a view.
    """

    kind: str
    columns: tuple[Column, ...]
    creates: PATH | None


class Engine:
    """One analyzer with one catalog of tables, which grows as statements create more."""

    def __init__(self) -> None:
        self._client = wasm_client.WasmClient(get_wasm_path())
        self._language = self._call(
            "GetLanguageOptions",
            service.LanguageOptionsRequest(maximum_features=True),
            options_pb2.LanguageOptionsProto,
        )
        self._language.product_mode = language.PRODUCT_EXTERNAL
        # BigQuery refuses a parameterised type in a cast: cast(null as numeric(5, 2)).
        kept = [f for f in self._language.enabled_language_features if f != language.FEATURE_PARAMETERIZED_TYPES]
        del self._language.enabled_language_features[:]
        self._language.enabled_language_features.extend(kept)
        del self._language.supported_statement_kinds[:]  # none named: all of them
        self._options = options_pb2.AnalyzerOptionsProto(default_timezone="UTC", prune_unused_columns=True)
        self._options.language_options.CopyFrom(self._language)
        self._tables: dict[PATH, tuple[Column, ...]] = {}
        self._registered: int | None = None
        self._within: dict[PATH, tuple[Column, ...]] = {}

    # ---- the catalog

    def add_table(self, path: PATH, columns: tuple[Column, ...]) -> None:
        self._tables[path] = columns

    def drop_table(self, path: PATH) -> None:
        self._tables.pop(path, None)

    def table(self, path: PATH) -> tuple[Column, ...] | None:
        return self._tables.get(path)

    def _catalog(self, sql: str) -> int:
        """The number of a catalog with the tables that a statement names.

        One with all of a project's tables costs 0.14 s, and each statement that creates another makes it stale: so the
        analyzer gets those that it needs, and keeps them until a statement needs others.
        """
        named = {path: self._tables[path] for path in set(_PATHS.findall(sql)) if path in self._tables}
        if self._registered is not None and named.items() <= self._within.items():
            return self._registered
        if self._registered is not None:
            self._call("UnregisterCatalog", service.UnregisterRequest(registered_id=self._registered), None)
        made = simple_catalog_pb2.SimpleCatalogProto(name="bigquery")
        made.builtin_function_options.language_options.CopyFrom(self._language)
        for alias, kind in ALIASES.items():
            made.named_type.add(name=alias).type.type_kind = kind
        folders: dict[tuple[str, ...], Any] = {(): made}
        for (*folder, name), columns in named.items():
            for depth in (1, 2):
                at = tuple(folder[:depth])
                if at not in folders:
                    folders[at] = folders[at[:-1]].catalog.add(name=at[-1])
            table = folders[tuple(folder)].table.add(name=name)
            for column in columns:
                _write_type(table.column.add(name=column.name).type, column)
        answer = self._call(
            "RegisterCatalog", service.RegisterCatalogRequest(simple_catalog=made), service.RegisterResponse
        )
        self._registered, self._within = answer.registered_id, named
        return self._registered

    # ---- statements

    def resolve(self, sql: str) -> Resolved:
        """Resolve each name and type of a statement.

        Raises:
            Refused: BigQuery would not run it.
        """
        request = service.AnalyzeRequest(
            sql_statement=sql, registered_catalog_id=self._catalog(sql), options=self._options
        )
        answer = self._call("Analyze", request, service.AnalyzeResponse).resolved_statement
        kind, statement = _innermost(answer)
        made, creates = statement, None
        if kind in ("create_view", "create_table_as_select"):
            project, dataset, name = statement.parent.parent.name_path
            creates = (project, dataset, name)
            made = statement.parent if kind == "create_view" else statement
        columns = tuple(_read_type(each.name, each.column.type) for each in getattr(made, "output_column_list", ()))
        return Resolved(kind, columns, creates)

    def names_a_table(self, sql: str) -> bool:
        """Whether a name within a dataset is in a statement: so one that reads a table is never taken for another."""
        datasets = {dataset for _, dataset, _ in self._tables}
        return any(re.search(rf"\b{dataset}`?\.", sql) for dataset in datasets)

    def run(self, sql: str) -> tuple[tuple[Column, ...], list[dict[str, Any]]]:
        """The columns and rows of a query that reads no table, as the reference engine works them out.

        Raises:
            Refused: BigQuery would not run it.
        """
        request = service.EvaluateQueryRequest(sql=sql, registered_catalog_id=self._catalog(sql), options=self._options)
        answer = self._call("EvaluateQuery", request, service.EvaluateQueryResponse)
        columns = tuple(_read_type(column.name, column.type) for column in answer.prepared.columns)
        names = [column.name for column in columns]
        rows = [
            dict(zip(names, (_value(cell) for cell in row.cell), strict=True)) for row in answer.content.table_data.row
        ]
        return columns, rows

    def _call(self, method: str, request: Message, answer: type[Message] | None) -> Any:
        try:
            if answer is None:
                return self._client.call_grpc_func(f"ZetaSqlLocalService_{method}", request)
            return self._client.call_grpc_func(f"ZetaSqlLocalService_{method}", request, answer)
        except ServerError as problem:
            raise Refused(str(problem)) from None


# ---- types and values


def _write_type(into: Any, column: Column) -> None:
    if column.is_array:
        into.type_kind = type_pb2.TYPE_ARRAY
        into.array_type.element_type.type_kind = KINDS[column.kind]
    else:
        into.type_kind = KINDS[column.kind]


def _read_type(name: str, found: Any) -> Column:
    is_array = found.type_kind == type_pb2.TYPE_ARRAY
    return Column(name, NAMES[found.array_type.element_type.type_kind if is_array else found.type_kind], is_array)


def _value(cell: Any) -> Any:
    kind = cell.WhichOneof("value")
    if kind is None:
        return None
    value = getattr(cell, kind)
    match kind:
        case "date_value":
            return date(1970, 1, 1) + timedelta(days=value)
        case "timestamp_value":
            return datetime.fromtimestamp(value.seconds, UTC) + timedelta(microseconds=value.nanos // 1000)
        case "array_value":
            return [_value(element) for element in value.element]
        case "numeric_value":
            return Decimal(int.from_bytes(value, "little", signed=True)).scaleb(-9)
    return value


def _innermost(node: Any) -> tuple[str, Any]:
    """The kind of a statement and itself: it comes in one envelope for each of its more general kinds."""
    kind = ""
    while "node" in node.DESCRIPTOR.oneofs_by_name:
        kind = node.WhichOneof("node")
        node = getattr(node, kind)
    return kind.removeprefix("resolved_").removesuffix("_node").removesuffix("_stmt"), node


# ---- a start in three seconds instead of sixty


def _start_fast() -> None:
    """Keep the compiled WebAssembly in the environment, and copy memory in blocks: the package does it byte by byte."""

    def address(client: wasm_client.WasmClient) -> int:
        return ctypes.addressof(client.memory.data_ptr().contents)

    def write_bytes(client: wasm_client.WasmClient, pointer: int, data: bytes) -> None:
        ctypes.memmove(address(client) + pointer, data, len(data))

    def read_bytes(client: wasm_client.WasmClient, pointer: int, size: int) -> bytes:
        return ctypes.string_at(address(client) + pointer, size)

    wasm_client.Module = _KeptModule
    wasm_client.WasmClient.write_bytes = write_bytes
    wasm_client.WasmClient.read_bytes = read_bytes


class _KeptModule:
    """The package's module, compiled once for each environment: compiling it costs half a minute of CPU."""

    @staticmethod
    def from_file(engine: wasmtime.Engine, path: str) -> wasmtime.Module:
        versions = f"{version('zetasql')}-{version('wasmtime')}"
        kept = Path(sys.prefix) / "var" / f"zetasql-{versions}.cwasm"
        if kept.exists():
            try:
                return wasmtime.Module.deserialize_file(engine, str(kept))
            except wasmtime.WasmtimeError:
                pass  # of another processor: compiled again
        module = wasmtime.Module.from_file(engine, path)
        kept.parent.mkdir(exist_ok=True)
        aside = kept.with_suffix(f".{os.getpid()}")
        aside.write_bytes(module.serialize())
        aside.replace(kept)
        return module


_start_fast()
