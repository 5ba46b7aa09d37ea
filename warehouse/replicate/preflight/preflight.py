"""Preflight: whether the two databases can be replicated between, before anything is set up."""

from __future__ import annotations

import psycopg

from warehouse.core import ours
from warehouse.core.databases import Databases
from warehouse.core.errors import MissingPrivilege, NotOurs, ReplicationError, SourceNotReady
from warehouse.replicate.catalog import relations
from warehouse.replicate.classification import Classification, load_classification
from warehouse.replicate.history import clocks
from warehouse.replicate.ledger import epochs
from warehouse.replicate.preflight import at_source
from warehouse.replicate.preflight.facts import read_source, read_warehouse
from warehouse.replicate.preflight.roles import role_settings
from warehouse.replicate.preflight.rules import Check, checks, failed, ok, warning
from warehouse.replicate.stream import reach, sample


def preflight(databases: Databases) -> list[Check]:
    """Every check, on both databases. Changes nothing.

    Raises:
        DatabaseUnreachable: one of the two databases is.
    """
    with databases.source() as trs, databases.warehouse() as warehouse:
        return examined(databases, trs, warehouse, load_classification())


def require(
    databases: Databases, trs: psycopg.Connection, warehouse: psycopg.Connection, classification: Classification
) -> None:
    """Stop a set-up before it changes anything.

    Raises:
        SourceNotReady, MissingPrivilege, WalLevelNotLogical, ReplicationError, SetupError: the first check that failed.
    """
    for check in examined(databases, trs, warehouse, classification):
        if check.state == "failed":
            raise check.error(
                check.what,
                meaning="Nothing was set up there or here.",
                next_command=check.next_command or "Run `warehouse replicate preflight`.",
            )


def examined(
    databases: Databases, trs: psycopg.Connection, warehouse: psycopg.Connection, classification: Classification
) -> list[Check]:
    """Every check, on connections that are there already."""
    name = databases.settings.warehouse_replication_name
    has_ledger = ours.identify(warehouse).has_ledger
    epoch = epochs.current(warehouse, name) if has_ledger else None
    there = read_warehouse(warehouse, name)
    found = checks(
        read_source(trs, classification, name, epoch.slot_name if epoch else None),
        there,
        classification.published,
        int(databases.settings.warehouse_wal_budget_gb * 1e9),
    )
    if there.may_subscribe:
        found.append(_reach(warehouse, databases.source_conninfo))
    return [
        _only_ours(warehouse, classification, has_ledger),
        _all_rows(trs, classification),
        *found,
        *role_settings(trs, warehouse),
        _migrations(trs, name),
        _clock(trs, warehouse),
    ]


def _only_ours(warehouse: psycopg.Connection, classification: Classification, has_ledger: bool) -> Check:
    """Whether somebody else uses the warehouse's database by names that the warehouse needs."""
    made_here = warehouse.execute("select to_regclass('ledger.made_here') is not null").fetchone()
    try:
        if not has_ledger:
            ours.refuse_occupied(warehouse)
        elif made_here and made_here[0]:
            ours.refuse_others_tables(warehouse, classification.schema_name, list(classification.published))
    except NotOurs as error:
        return failed("other people's things", error.what, error.next_command, NotOurs)
    return ok("other people's things", "none in the warehouse's database is in the way")


def _all_rows(trs: psycopg.Connection, classification: Classification) -> Check:
    try:
        relations.check_not_filtered(trs, classification.schema_name, classification.published)
    except MissingPrivilege as error:
        return failed("row security", error.what, error.next_command, MissingPrivilege)
    return ok("row security", "hides no row of the replicated tables from us")


def _migrations(trs: psycopg.Connection, name: str) -> Check:
    """Whoever operates the source has to know what our publication makes impossible there."""
    subject = "migrations of the source"
    if at_source.may_release(trs, name) is not None:
        return ok(subject, f'can let go of published columns: "{name}".release(table, columns)')
    return warning(
        subject,
        "PostgreSQL refuses to drop a published column or to change its type, so a migration that tries fails.",
        "Have the administrator run `warehouse replicate sql --migrations-role ROLE`, and the deploy pipeline "
        "`warehouse replicate check-migration FILE.sql` (docs/runbooks/production.md).",
    )


def _reach(warehouse: psycopg.Connection, source_conninfo: str) -> Check:
    try:
        reach.check(warehouse, source_conninfo)
    except (ReplicationError, SourceNotReady) as error:
        return failed("server to server", error.what, error.next_command, type(error))
    return ok("server to server", "the warehouse's server reaches the operational database")


def _clock(trs: psycopg.Connection, warehouse: psycopg.Connection) -> Check:
    skew = sample.compare_clocks(trs, warehouse)
    far = abs(skew.skew_seconds) - skew.uncertainty_seconds > clocks.TOLERANCE_SECONDS
    what = f"the source's is {skew.skew_seconds:+.2f} s from the warehouse's (± {skew.uncertainty_seconds:.2f})"
    if far:
        return warning("clocks", f"Clocks disagree: {what}.", "Have both servers' clocks set by NTP.")
    return ok("clocks", what)
