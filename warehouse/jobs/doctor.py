"""Examine everything: this machine, both databases, replication, the builds and the deliveries. Changes nothing.

Only a tiny file is put at each destination, and taken away again: whether a place takes files is seen in no other way.
One examination after another: each says what is good, or its error becomes a finding; none stops the next.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator

import psycopg

from warehouse.core import class_floors, ours, roles, sandbox_only
from warehouse.core.database import describe
from warehouse.core.databases import Databases
from warehouse.core.errors import WarehouseError
from warehouse.core.finding import Finding, from_error, ok, warning
from warehouse.core.postgres import find_binaries
from warehouse.jobs import own_copies
from warehouse.jobs.standing import builds, deliveries, examined, replication
from warehouse.replicate import load_classification
from warehouse.replicate.catalog import relations
from warehouse.replicate.classification import check_against
from warehouse.replicate.preflight.preflight import preflight

ROOM_BYTES = 5_000_000_000
"""Less free than this is a warning: the embedded databases of 200,000 people take about as much (bench/README.md)."""

ROLES, GIVE_ROLES = "roles", "warehouse grants apply"

_HAS_ICU = "select exists (select from pg_collation where collname = 'en-x-icu')"


def examine(databases: Databases) -> list[Finding]:
    """Run every examination, in the order in which a person would put things right."""
    return [
        ok("Python", f"{sys.version.split()[0]}"),
        *_servers(databases),
        _disk(databases),
        examined("classification", lambda: _classification(databases)),
        examined("replication", lambda: replication(databases)),
        examined("deliveries", lambda: deliveries(databases)),
        *_contracts(databases),
        *_destinations(databases),
        *_preflight(databases),
        *builds(databases),
        *_roles(databases),
        *_own_copies(databases),
    ]


def summary(findings: list[Finding]) -> str:
    """All findings in one sentence."""
    failures = sum(finding.state == "failed" for finding in findings)
    if failures:
        return f"{failures} of {len(findings)} checks failed."
    # What tests warned of needs no command; a build that is missing or older than the data does.
    if any(finding.code == "build" and finding.state == "warning" and finding.next_command for finding in findings):
        return "Nothing failed, but what readers see is older than today's data."
    return "All is well."


def _servers(databases: Databases) -> Iterator[Finding]:
    if databases.embedded():
        yield examined("PostgreSQL programs", lambda: _programs(databases))
        yield examined("embedded databases", lambda: _started(databases))
    yield examined("warehouse", lambda: _answers(databases.warehouse, lambda: databases.warehouse_conninfo))
    yield examined("operational database", lambda: _answers(databases.source, lambda: databases.source_conninfo))


def _programs(databases: Databases) -> str:
    found = find_binaries(databases.settings.warehouse_postgres_bin)
    origins = {"wheel": "built in, without ICU and TLS", "system": "of the system", "setting": "as set"}
    return f"PostgreSQL {found.version}, {origins[found.origin]}"


def _started(databases: Databases) -> str:
    started = databases.start()
    names = ", ".join(databases.embedded())
    return f"{names} run" + (f" (started now: {', '.join(started)})" if started else "")


def _answers(connect: Callable[[], psycopg.Connection], conninfo: Callable[[], str]) -> str:
    with connect() as connection:
        version = connection.info.parameter_status("server_version")
        has_icu = connection.execute(_HAS_ICU).fetchone() == (True,)
        encrypted = connection.pgconn.ssl_in_use
    icu = "ICU" if has_icu else "no ICU: text compares by case"
    return f"PostgreSQL {version} at {describe(conninfo())}; {icu}; {'TLS' if encrypted else 'not encrypted'}"


def _disk(databases: Databases) -> Finding:
    home = databases.settings.warehouse_home
    folder = next(path for path in (home, *home.parents) if path.exists())
    free = shutil.disk_usage(folder).free
    what = f"{free / 1e9:,.1f} GB free for {folder}"
    if free < ROOM_BYTES:
        return warning("disk", what, "Make room on that disk, or set WAREHOUSE_HOME to a larger one.")
    return ok("disk", what)


def _classification(databases: Databases) -> str:
    classification = load_classification()
    class_floors.check()
    with databases.source() as trs:
        tables = relations.read_tables(trs, classification.schema_name)
    if not tables:
        return "the operational database is empty; `warehouse run` fills the sandbox"
    held = check_against(classification, tables)
    columns = sum(map(len, classification.published.values()))
    new = len(class_floors.unrecorded(class_floors.classes()))
    return (
        f"{len(classification.published)} tables, {columns} columns replicated, no class lower than it was"
        + (f"; not replicated, because not classified: {held}" if held else "")
        + (f"; {new} classes not recorded yet (`warehouse replicate classes --record`)" if new else "")
    )


def _contracts(databases: Databases) -> list[Finding]:
    from warehouse.deliver import examine_fit_of_contracts  # noqa: PLC0415 - as above

    try:
        synthetic = databases.source_is_embedded or _holds_made_up_people(databases)
        return examine_fit_of_contracts(databases.settings, databases.today(), synthetic=synthetic)
    except WarehouseError as error:
        return [from_error("contracts", error)]


def _holds_made_up_people(databases: Databases) -> bool:
    """Whether the warehouse's people are made up; before the first run, whether those of the source are."""
    with databases.warehouse() as warehouse:
        held = sandbox_only.holds_synthetic(warehouse) if ours.identify(warehouse).has_ledger else None
    if held is not None:
        return held
    with databases.source() as source:
        return sandbox_only.is_synthetic(source)


def _destinations(databases: Databases) -> list[Finding]:
    from warehouse.deliver import examine_destinations  # noqa: PLC0415 - as above

    try:
        return examine_destinations(databases.settings)
    except WarehouseError as error:
        return [from_error("destinations", error)]


def _preflight(databases: Databases) -> list[Finding]:
    """Whether the two can be replicated between; one line when all is well, else what is not."""
    try:
        checks = preflight(databases)
    except WarehouseError as error:
        return [from_error("preflight", error)]
    wrong = [check for check in checks if check.state != "ok"]
    return [*wrong, ok("preflight", f"{len(checks) - len(wrong)} of {len(checks)} checks passed")]


def _own_copies(databases: Databases) -> list[Finding]:
    """Tables of analysts' own that are older than a rule. Nothing to say before the first run."""
    try:
        with databases.warehouse() as connection:
            return own_copies.examined(connection) if ours.identify(connection).has_ledger else []
    except WarehouseError as error:
        return [from_error(own_copies.CODE, error)]


def _roles(databases: Databases) -> list[Finding]:
    """Whether readers have roles, and nobody can do more than is declared. Nothing to say before the first run."""
    settings = databases.settings
    try:
        with databases.warehouse() as connection:
            if not ours.identify(connection).has_ledger:
                return []
            made = roles.made(connection, settings)
            if not made:
                return [warning(ROLES, "there are no roles: readers use the warehouse's own login", GIVE_ROLES)]
            roles.refuse(roles.breaches(connection, settings))
            logins = {name for one in roles.overview(connection, settings) for name in one.logins}
    except WarehouseError as error:
        return [from_error(ROLES, error)]
    return [ok(ROLES, f"{len(made)} roles, {len(logins)} logins with one; nobody can do more than is declared")]
