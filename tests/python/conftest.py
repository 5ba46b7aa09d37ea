"""Fixtures that every test may use: real clusters on loopback, thrown away at the end."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from psycopg import Connection, OperationalError, connect, sql

from warehouse.core.databases import Databases
from warehouse.core.names_in_statements import Cursor
from warehouse.core.settings import Settings

settings.register_profile(
    "any machine",
    # How long an example takes to make or to run says something of the machine, not of the product: a busy one must
    # not fail a test. What fails is printed with the blob that makes it happen again (`@reproduce_failure`).
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
)
settings.load_profile("any machine")

# What these assert says what differs, as a test would.
pytest.register_assert_rewrite("tests.python.dbt.counts", "tests.python.main_job")

_NUMBERS = itertools.count(1)

FAST = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "'64MB'",
    # Made-up values alone: what a session or a replication worker says of a failure is worth more than its silence.
    "log_min_messages": "'warning'",
}
"""Nothing here has to outlive a power cut. Tests of a crash do without this."""


LONGEST = (
    "test_main_job.py",
    "worlds/test_worlds.py",
    "docs/test_how_to.py",
    "dbt/emulator/test_parity.py",
    "security/test_erasure_by_subprocess.py",
    "replicate/test_ways_out.py",
    "replicate/test_backfill.py",
    "dbt/test_bigquery.py",
)
"""Files that take a minute and more. They begin first: one that begins last keeps a single worker busy at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first; the others stay in their order."""
    here = Path(__file__).parent
    first = {here / name: position for position, name in enumerate(LONGEST)}
    items.sort(key=lambda item: first.get(item.path, len(first)))


class WorldDatabases(Databases):
    """Both databases, and what others do in them: the product's own sessions have settings of their own.

    Their cursors are the product's, whose functions are called with them.
    """

    def at_source(self) -> Connection:
        """A session of the operational system itself, in autocommit; the product's only read there."""
        return connect(self.source_conninfo, autocommit=True, cursor_factory=Cursor)

    def at_warehouse(self) -> Connection:
        """A session of an analyst or an administrator, in autocommit."""
        return connect(self.warehouse_conninfo, autocommit=True, cursor_factory=Cursor)


AMPLE_GB = 10_000
"""Of WAL: how soon a smaller budget would be used up depends on what the other tests do on the same server."""


def make_databases(home: Path, **settings: object) -> WorldDatabases:
    """The two databases of a test, in a folder of its own; nothing of the caller's environment gets in.

    Their tables are so small that a few deletes are a large share: the limit of a repair has tests of its own.
    """
    values: dict[str, object] = {
        "warehouse_home": home,
        "warehouse_deliveries": home / "deliveries",
        "warehouse_repair_deletes_percent": 100,
        "warehouse_wal_budget_gb": AMPLE_GB,
        # An embedded database stands for a server in many tests; what that is allowed for has tests of its own.
        "warehouse_evaluation": "a test of the product",
        **settings,
    }
    unset = dict.fromkeys(("warehouse_database_url", "trs_database_url"))
    return WorldDatabases(Settings(_env_file=None, **{**unset, **values}), cluster_settings=FAST)  # type: ignore[arg-type]


LEFT_TO_ROOT = "this user may not mount a small disk here"
"""No installation gives an ordinary user that right."""

NO_OPENSSH = "NO OPENSSH SERVER HERE: the server that recipients have was not tried"

NO_SECOND_ACCOUNT = "NO SECOND ACCOUNT HERE: what another account of this machine can read was not tried"
"""Only root may act as another account."""

MAY_BE_LEFT_OUT = (LEFT_TO_ROOT, NO_OPENSSH, NO_SECOND_ACCOUNT)
"""What a machine may lack where every test has to run; said again, loudly, below all results."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where every test has to run (`TRW_NO_SKIPS`, set in CI), one that is left out has failed."""
    report = yield
    counts = report.skipped and not hasattr(report, "wasxfail") and not _may_be_left_out(report)
    if counts and os.environ.get("TRW_NO_SKIPS"):
        report.outcome = "failed"
        report.longrepr = f"TRW_NO_SKIPS is set, and this was left out: {report.longrepr}"
    if report.failed:
        report.sections += [(f"{name}, shared server", text) for name, text in _said_by_shared_servers()]
    return report


def _may_be_left_out(report: pytest.TestReport) -> bool:
    return any(reason in str(report.longrepr) for reason in MAY_BE_LEFT_OUT)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say loudly what this machine lacks."""
    skipped = [report for report in terminalreporter.getreports("skipped") if isinstance(report, pytest.TestReport)]
    for reason in MAY_BE_LEFT_OUT:
        if left_out := [report for report in skipped if reason in str(report.longrepr)]:
            terminalreporter.write_line(f"{reason} ({len(left_out)} tests left out)", red=True, bold=True)


_SHARED: list[WorldDatabases] = []
"""The clusters of this process's tests while they run; a test that failed shows what they said and who was there."""


def _said_by_shared_servers() -> Iterator[tuple[str, str]]:
    for databases in _SHARED:
        for name in databases.embedded():
            cluster = databases.cluster(name)
            lines = cluster.log.read_text(errors="replace").splitlines()
            yield f"log of {name}", "\n".join([line for line in lines if " checkpoint " not in line][-40:])
            try:
                with connect(cluster.conninfo("postgres"), autocommit=True, connect_timeout=5) as server:
                    yield f"processes of {name}", "\n".join(map(str, server.execute(_PROCESSES)))
            except OperationalError as gone:
                yield f"processes of {name}", str(gone)


_PROCESSES = """
select pid, backend_type, datname, application_name, state, wait_event_type, wait_event, backend_start::time,
    left(query, 80)
from pg_stat_activity where pid <> pg_backend_pid()
"""


@pytest.fixture(scope="session")
def short_folder() -> Iterator[Path]:
    """A folder that the database's unprivileged user can reach, unlike pytest's own when the tests run as root."""
    folder = Path(tempfile.mkdtemp(prefix="trw-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def clusters(short_folder: Path) -> Iterator[WorldDatabases]:
    """Two running clusters, empty, shared by the tests of a session: use `databases` for a pair of your own."""
    databases = make_databases(short_folder / "shared")
    databases.start()
    _SHARED.append(databases)
    yield databases
    _SHARED.remove(databases)
    with connect(databases.cluster("warehouse").conninfo("postgres"), autocommit=True) as warehouse:
        left = warehouse.execute("select subname from pg_subscription").fetchall()
    with connect(databases.cluster("trs").conninfo("postgres"), autocommit=True) as trs:
        left += trs.execute("select slot_name, database from pg_replication_slots").fetchall()
    databases.stop()
    # A stream that a test leaves takes a worker from every test after it, until one of them finds none.
    assert not left, f"Tests of this process have left subscriptions or slots: {left}"


@pytest.fixture(scope="session")
def templates(clusters: Databases) -> dict[str, str]:
    """For each cluster a database to copy: the operational schema with no rows, and nothing but the ledger.

    Both are made once: to copy them takes a quarter of the time.
    """
    import sandbox.schema
    from warehouse.core.ledger import migrate

    names = dict.fromkeys(clusters.embedded(), "ready")
    for cluster, name in names.items():
        clusters.cluster(cluster).create_database(name)
    with connect(clusters.cluster("trs").conninfo(names["trs"]), autocommit=True) as trs:
        sandbox.schema.create(trs)
    with connect(clusters.cluster("warehouse").conninfo(names["warehouse"]), autocommit=True) as warehouse:
        migrate(warehouse)
    return names


@pytest.fixture
def databases(clusters: Databases) -> Iterator[FreshDatabases]:
    """Two fresh, empty databases on the shared clusters, and a replication name that no other test uses."""
    with fresh_databases(clusters, {}) as made:
        yield made


@pytest.fixture
def prepared(clusters: Databases, templates: dict[str, str]) -> Iterator[FreshDatabases]:
    """The same with the operational schema and no rows at the source, and with the ledger in the warehouse."""
    with fresh_databases(clusters, templates) as made:
        yield made


@contextmanager
def fresh_databases(clusters: Databases, templates: dict[str, str], name: str = "") -> Iterator[FreshDatabases]:
    """Two databases for as long as somebody uses them.

    Args:
        templates: what to copy on which cluster; an empty database where there is none.
        name: of both; one that no other has by default.
    """
    name = name or f"t{next(_NUMBERS)}"
    urls = {}
    for cluster in clusters.embedded():
        with connect(clusters.cluster(cluster).conninfo("postgres"), autocommit=True) as connection:
            # Copied as files: through the WAL it would take longer, and every stream of the cluster would read it.
            connection.execute(
                sql.SQL("create database {} template {} strategy file_copy").format(
                    sql.Identifier(name), sql.Identifier(templates.get(cluster, "template1"))
                )
            )
        urls[cluster] = clusters.cluster(cluster).conninfo(name)
    yield FreshDatabases(clusters.settings, clusters.cluster_settings, name, urls)
    FreshDatabases(clusters.settings, clusters.cluster_settings, name, urls).forget()
    for cluster in clusters.embedded():
        with connect(clusters.cluster(cluster).conninfo("postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))
            _drop_roles(connection, f"{name.lower()}_")


def _drop_roles(connection: Connection, prefix: str) -> None:
    """The roles of a warehouse whose database is gone; they belong to the whole server."""
    for (role,) in connection.execute("select rolname from pg_roles where starts_with(rolname, %s)", (prefix,)):
        connection.execute(sql.SQL("drop role {}").format(sql.Identifier(role)))


class FreshDatabases(WorldDatabases):
    """Databases of one test on clusters that others share."""

    def __init__(self, settings: Settings, cluster_settings: dict[str, str], name: str, urls: dict[str, str]) -> None:
        own = settings.model_copy(
            update={"warehouse_replication_name": f"trw_{name}", "warehouse_role_prefix": f"{name.lower()}_"}
        )
        super().__init__(own, cluster_settings)
        self._urls = urls

    @property
    def warehouse_conninfo(self) -> str:
        return self._urls["warehouse"]

    @property
    def source_conninfo(self) -> str:
        return self._urls["trs"]

    def lead_to(self, name: str, conninfo: str) -> str:
        """Have a setting lead elsewhere; returns where it led before."""
        before, self._urls[name] = self._urls[name], conninfo
        return before

    def forget(self) -> None:
        """Drop what a dropped database would leave behind on the clusters: the slots."""
        from warehouse.replicate.stream import subscription
        from warehouse.replicate.stream.slot import drop_slot

        with self.at_warehouse() as warehouse, self.at_source() as trs:
            subscription.drop(warehouse, self.settings.warehouse_replication_name)
            slots = trs.execute(
                "select slot_name from pg_replication_slots where starts_with(slot_name, %s) and database = %s",
                (self.settings.warehouse_replication_name, trs.info.dbname),
            ).fetchall()
            for (slot_name,) in slots:
                drop_slot(trs, slot_name)
