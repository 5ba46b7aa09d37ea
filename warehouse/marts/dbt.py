"""dbt, run inside this process: starting it takes several seconds, so a run starts it once."""

from __future__ import annotations

import contextlib
import importlib
import json
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import psycopg

from warehouse.core import private_files, safe_message
from warehouse.core.classes import Classes
from warehouse.core.databases import Databases
from warehouse.core.errors import BuildFailed
from warehouse.core.progress import Progress
from warehouse.core.settings import PROJECT
from warehouse.marts import environment
from warehouse.marts.candidate import PREFIX
from warehouse.marts.lighter_dbt import BEGUN, DONE, freeze, lighter
from warehouse.marts.nodes import Node

_IDLE = psycopg.pq.TransactionStatus.IDLE
_GOOD = ("success", "pass", "warn")
_ANY_MOMENT = "2000-01-01T00:00:00+00:00"
"""While the project is read: models are tables where a build has a moment, and the moment itself is not looked at."""
_KINDS = {"table": "table", "incremental": "table", "seed": "table", "view": "view"}


@dataclass
class DbtResult:
    """What a build did.

    Attributes:
        count: how many models, seeds and tests ran.
        nodes: models and seeds, each after those that it is made from.
        failed: the names of those that failed, each with its reason.
        tests: the tests that found rows, as dbt knows them, with the number.
        rows: rows of each model that is a table, by its published place.
        compiled: the SQL of each model as it ran, by dbt's identifier.
    """

    count: int = 0
    nodes: list[Node] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    tests: list[tuple[Any, str, int]] = field(default_factory=list)
    rows: dict[str, int] = field(default_factory=dict)
    compiled: dict[str, str] = field(default_factory=dict)


class Dbt:
    """The project, parsed for one build."""

    def __init__(
        self,
        databases: Databases,
        today: date,
        progress: Progress,
        *,
        prefix: str = PREFIX,
        known_at: datetime | None = None,
    ) -> None:
        """Nothing is read yet.

        Args:
            prefix: of the schemas in which everything is made.
            known_at: the moment as known at which the models are built; None for what is known now.
        """
        self._progress = progress
        self._folder = profiles_folder(databases)
        # dbt reads the whole project again where a variable is another one than last time. The day and the moment are
        # others in each build and change nothing of what is read, but that there is a moment: they are needed when the
        # SQL is made.
        self._to_read = {"schema_prefix": prefix}
        self._to_build = {**self._to_read, "as_at": today.isoformat()}
        if known_at is not None:
            self._to_read["known_at"] = _ANY_MOMENT
            self._to_build["known_at"] = known_at.astimezone(UTC).isoformat()
        # What dbt keeps of a project that it has read is of one set of variables: that of the daily build stays.
        self._target = self._folder / "target" / ("" if known_at is None else "vintage")
        self.manifest: Any = None

    @property
    def nodes(self) -> list[Node]:
        """The models and seeds that a build makes, in no particular order."""
        known = Classes()
        return [node for node in (_node(one, known) for one in self.manifest.nodes.values()) if node]

    def parse(self) -> None:
        """Read the project.

        Raises:
            BuildFailed: it does not parse.
        """
        with environment.no_server():
            self.manifest = self._invoke("parse", None, self._to_read)
        freeze()

    def nodes_of(self, models: Sequence[str]) -> list[Node]:
        """Those of models and of all that they are made from."""
        known, needed = Classes(), self._needed(models)
        found = (_node(one, known) for name, one in self.manifest.nodes.items() if name in needed)
        return [node for node in found if node]

    def _needed(self, models: Sequence[str]) -> set[str]:
        """Models and all that they are made from, as dbt knows them.

        Raises:
            BuildFailed: there is no model of such a name.
        """
        there = {node.name: name for name, node in self.manifest.nodes.items() if node.resource_type == "model"}
        if missing := [model for model in models if model not in there]:
            raise BuildFailed(
                f"There is no model {', '.join(missing)}.",
                meaning="No model was built. Readers and receivers see the last good build.",
                next_command="Name the model in the contract as it is named in models/, then run again.",
            )
        begin, needed = [there[model] for model in models], set[str]()
        while begin:
            name = begin.pop()
            if name not in needed:
                needed.add(name)
                begin += self.manifest.nodes[name].depends_on_nodes if name in self.manifest.nodes else []
        return needed

    def build(self, models: Sequence[str] = (), *, tested: bool = True) -> DbtResult:
        """Make and test everything in the candidate schemas; or some models with all that they are made from.

        Args:
            models: these alone; all of them when none is named.
            tested: also run the tests; of some models those that are about them and what they are made from alone.

        Raises:
            BuildFailed: dbt could not run at all.
            KeyboardInterrupt: Ctrl-C, which dbt would otherwise turn into a result.
        """
        # A unit test brings its own rows: it says something of the project, which `make test` asks, and nothing of what
        # was replicated. They would be half the time of a build.
        options = ["--exclude-resource-type=unit_test", *([] if tested else ["--exclude-resource-type=test"])]
        if models:
            options += [f"--select={' '.join(f'+{model}' for model in models)}", "--indirect-selection=cautious"]
        read = _read(self._invoke("build", self.manifest, self._to_build, *options))
        wanted = _expected(self.manifest, self._needed(models) if models else None, tested)
        missing = wanted - {item.node.unique_id for item in read.items}
        for unique_id in sorted(missing):
            read.result.failed.setdefault(unique_id.split(".")[2], "dbt left it out")
        return read.result

    def _invoke(self, command: str, manifest: Any, variables: Mapping[str, str], *options: str) -> Any:
        import dbt.cli.main  # noqa: PLC0415 - takes about 4 seconds, so only where it is used

        done, total = 0, 0

        def listen(event: Any) -> None:
            nonlocal done, total
            if event.info.name == BEGUN:
                total = int(event.data.node_count)
                self._progress.count("models and tests", 0, total or None)
            elif event.info.name == DONE:
                done += 1
                self._progress.count("models and tests", done, total or None)

        with _command_line(command):
            outcome = dbt.cli.main.dbtRunner(manifest=manifest, callbacks=[listen]).invoke(
                [
                    *(command, *options, "--vars", json.dumps(variables)),
                    *("--target-path", str(self._target)),
                    # The target is the one that takes its address from variables, see environment.
                    *("--project-dir", str(PROJECT), "--profiles-dir", str(self._folder), "--target", "dev"),
                    # A log would hold the values that stand in statements, such as those of a person's own model.
                    *("--quiet", "--log-level", "none", "--log-level-file", "none"),
                    *("--no-version-check", "--no-use-colors"),
                ]
            )
        if isinstance(outcome.exception, KeyboardInterrupt):
            raise KeyboardInterrupt
        if outcome.exception is not None or outcome.result is None:
            reason = _in_short(str(outcome.exception or "dbt gave no result"), lines=2 if command == "parse" else 1)
            raise BuildFailed(
                f"dbt could not run: {reason}",
                meaning="No model was built. Readers and receivers see the last good build.",
                next_command="Run `.venv/bin/dbt parse` to see the whole message, correct the project, then run again.",
            )
        return outcome.result


def profiles_folder(databases: Databases) -> Path:
    """A folder with the project's example profiles as they are: dbt insists on the name profiles.yml."""
    folder = databases.settings.warehouse_home / "dbt"
    private_files.make_folder(folder)
    shutil.copyfile(PROJECT / "profiles.example.yml", folder / "profiles.yml")
    return folder


@contextlib.contextmanager
def _command_line(command: str) -> Iterator[None]:
    """Have dbt see its own command line: it writes that of this process into its records of a run.

    That of `warehouse erase` names the person who has just been erased.
    """
    before = sys.argv
    sys.argv = ["dbt", command]
    try:
        yield
    finally:
        sys.argv = before


@contextlib.contextmanager
def session(databases: Databases, connection: psycopg.Connection) -> Iterator[None]:
    """The environment in which dbt reaches the same server as this connection, and in which nothing else counts."""
    folder = profiles_folder(databases)
    variables = {
        **environment.of(connection),
        "DO_NOT_TRACK": "1",
        "DBT_TARGET_PATH": str(folder / "target"),
        "DBT_LOG_PATH": str(folder / "logs"),
    }
    entry = importlib.import_module("dbt.cli.main")
    own = entry.load_dotenv
    with environment.only(variables):
        # dbt would read the .env of the folder that it is called from.
        vars(entry)["load_dotenv"] = lambda *_, **__: False
        try:
            with _errors_without_values(), _one_session_per_thread(), lighter():
                yield
        finally:
            vars(entry)["load_dotenv"] = own


@contextlib.contextmanager
def _errors_without_values() -> Iterator[None]:
    """Have dbt's adapter say of a database's error only what may be said, before any record or message has it."""
    connections = importlib.import_module("dbt.adapters.postgres.connections")
    manager = connections.PostgresConnectionManager
    own = manager.exception_handler

    @contextlib.contextmanager
    def handler(self: Any, statement: str) -> Iterator[None]:
        try:
            with own(self, statement):
                yield
        except connections.DbtDatabaseError as error:
            cause = error.__cause__
            if not isinstance(cause, connections.psycopg2.Error):
                raise
            raise connections.DbtDatabaseError(safe_message.said(cause.pgcode, cause.diag)) from None

    manager.exception_handler = handler
    try:
        yield
    finally:
        manager.exception_handler = own


@contextlib.contextmanager
def _one_session_per_thread() -> Iterator[None]:
    """Have dbt's adapter keep a thread's session from one node to the next, as its adapter for Snowflake can.

    It would end the session after each node and begin another: of hundreds of short statements each would pay for a new
    process of the server that knows nothing yet of its catalogue. What a node left open is rolled back, as before.
    """
    connections = importlib.import_module("dbt.adapters.postgres.connections")
    manager = connections.PostgresConnectionManager
    own = manager.release

    def release(self: Any) -> None:
        connection = self.get_if_exists()
        if connection is not None and connection.state == "open":
            if connection.transaction_open:
                self._rollback(connection)
            if not connection.handle.closed and connection.handle.info.transaction_status == _IDLE:
                return
        own(self)

    manager.release = release
    try:
        yield
    finally:
        manager.release = own


@dataclass
class _Read:
    result: DbtResult
    items: list[Any]


def _read(result: Any) -> _Read:
    read, known = DbtResult(), Classes()
    for item in result.results:
        node, status = item.node, str(item.status)
        if status == "no-op":
            # An exposure: it names who reads a model, and nothing is built for it.
            continue
        read.count += 1
        made = _node(node, known)
        if made:
            read.nodes.append(made)
            read.compiled[node.unique_id] = getattr(node, "compiled_code", None) or ""
        if status not in _GOOD:
            read.failed[node.name] = _why(item, status)
        if status in ("fail", "warn") and item.failures:
            read.tests.append((node, "failure" if status == "fail" else "warning", int(item.failures)))
        rows = (item.adapter_response or {}).get("rows_affected")
        if made and made.kind == "table" and rows is not None and int(rows) >= 0:
            read.rows[made.place] = int(rows)
    if any(str(item.status) == "error" and "interrupted" in str(item.message).lower() for item in result.results):
        raise KeyboardInterrupt
    return _Read(read, list(result.results))


def _why(item: Any, status: str) -> str:
    if status == "skipped":
        return "not built, because of another"
    return f"{item.failures} rows fail the test" if status == "fail" else _in_short(item.message or "", lines=2)


def _node(node: Any, known: Classes) -> Node | None:
    """A model or seed of the project as we publish it; None for tests and for models without a relation.

    Raises:
        BuildFailed: a materialization that cannot be published.
    """
    if node.resource_type not in ("model", "seed") or node.config.materialized == "ephemeral":
        return None
    kind = _KINDS.get(node.config.materialized)
    if kind is None:
        raise BuildFailed(
            f"The model {node.name} is a {node.config.materialized}, which a build cannot publish.",
            meaning="No model was built. Readers and receivers see the last good build.",
            next_command=f"Make {node.name} a table or a view (config materialized), then run again.",
        )
    classes = {name: known.of(node.name, name, column.doc_blocks) for name, column in node.columns.items()}
    grain = tuple(node.config.meta.get("grain") or ())
    return Node(node.schema, node.alias, "view" if kind == "view" else "table", classes, grain)


def _expected(manifest: Any, needed: set[str] | None, tested: bool) -> set[str]:
    """Everything that has to have run, so that a build with less is never published.

    Args:
        needed: what alone is built; a test runs where all that it reads is among it.
    """
    kinds = ("model", "seed", "snapshot", *(["test"] if tested else []))
    return {
        unique_id
        for unique_id, node in manifest.nodes.items()
        if node.resource_type in kinds
        and node.config.enabled
        and node.config.materialized != "ephemeral"
        and (
            needed is None
            or unique_id in needed
            # One that reads no model at all is about none of them.
            or (node.resource_type == "test" and node.depends_on_nodes and needed.issuperset(node.depends_on_nodes))
        )
    }


def _in_short(message: str, lines: int) -> str:
    """The first lines of dbt's message: which model and what; the rest is compiled SQL and places.

    What the database said is not in it any more, see _errors_without_values.
    """
    said = [line.strip() for line in message.strip().splitlines() if line.strip()]
    return ": ".join(said[:lines])
