"""Preflight: whether the two databases can be replicated between, before anything is set up."""

from __future__ import annotations

from collections.abc import Sequence

import psycopg

from warehouse.core import ours
from warehouse.core.databases import Databases
from warehouse.core.errors import NotOurs, ReplicationError, SourceNotReady
from warehouse.core.finding import Finding, first_failed, from_error, ok, warning
from warehouse.replicate.catalog import clocks, reach
from warehouse.replicate.classification import Classification, load_classification
from warehouse.replicate.ledger import epochs
from warehouse.replicate.link import Ends
from warehouse.replicate.preflight import at_source, links, rules
from warehouse.replicate.preflight.facts import Facts, read_source, read_warehouse
from warehouse.replicate.preflight.roles import role_settings
from warehouse.replicate.preflight.rules import Rule

NOTHING_DONE = "Nothing was changed at the source or in the warehouse."


def preflight(databases: Databases) -> list[Finding]:
    """Every check, on both databases. Changes nothing.

    Raises:
        DatabaseUnreachable: one of the two databases is.
    """
    with databases.source() as trs, databases.warehouse() as warehouse:
        return examined(Ends(databases, trs, warehouse, load_classification()))


def require(ends: Ends, only: Sequence[Rule] | None = None) -> None:
    """Stop before anything is changed.

    Args:
        ends: with the classification of what is, or is to be, published.
        only: the rules that have to hold (see rules.py); every check there is, when None.

    Raises:
        SourceNotReady, MissingPrivilege, WalLevelNotLogical, ReplicationError, SetupError: the first check that failed.
    """
    found = examined(ends) if only is None else rules.examine(_facts(ends, _slot(ends)), only)
    if first := first_failed(found):
        raise first.as_error(NOTHING_DONE)


def require_room(ends: Ends) -> None:
    """Stop where the source has no room for a slot and a sender more than there are.

    Raises:
        SourceNotReady: it has not.
    """
    facts = Facts(read_source(ends.trs, "", {}, "", None), read_warehouse(ends.warehouse, ""), {}, 0)
    if first := first_failed(rules.examine(facts, rules.ROOM)):
        raise first.as_error(NOTHING_DONE)


def examined(ends: Ends) -> list[Finding]:
    """Every check, on connections that are open already; there need not be a ledger."""
    slot = _slot(ends)
    facts = _facts(ends, slot)
    found = [*links.examined(ends, slot), *rules.examine(facts, rules.EVERY)]
    if facts.warehouse.may_subscribe:
        found.append(_reach(ends.warehouse, ends.databases.source_conninfo))
        found.append(links.password_in_log(ends))
        found.append(links.proof(ends.databases.source_conninfo, ends.warehouse.info.server_version))
    return [
        _only_ours(ends.warehouse, ends.classification),
        *found,
        *role_settings(ends.trs, ends.warehouse),
        _migrations(ends.trs, ends.name),
        _clock(ends.trs, ends.warehouse),
    ]


def _slot(ends: Ends) -> str | None:
    """The name of our slot, when replication was set up before."""
    epoch = epochs.current(ends.warehouse, ends.name) if ours.identify(ends.warehouse).has_ledger else None
    return epoch.slot_name if epoch else None


def _facts(ends: Ends, slot: str | None) -> Facts:
    return Facts(
        read_source(ends.trs, ends.schema, ends.published, ends.name, slot),
        read_warehouse(ends.warehouse, ends.name, has_begun=slot is not None),
        ends.published,
        int(ends.databases.settings.warehouse_wal_budget_gb * 1e9),
        {
            f"{name}.{column}": line.classification
            for name, table in ends.classification.tables.items()
            for column, line in table.columns.items()
        },
        ends.databases.source_is_embedded,
    )


def _only_ours(warehouse: psycopg.Connection, classification: Classification) -> Finding:
    """Whether somebody else uses the warehouse's database by names that the warehouse needs."""
    try:
        if not ours.identify(warehouse).has_ledger:
            ours.refuse_occupied(warehouse)
        else:
            ours.refuse_others_tables(warehouse, classification.schema_name, list(classification.published))
    except NotOurs as error:
        return from_error("other people's things", error)
    return ok("other people's things", "none in the warehouse's database is in the way")


def _migrations(trs: psycopg.Connection, name: str) -> Finding:
    """Whoever operates the source has to know what our publication makes impossible there."""
    code = "migrations of the source"
    if at_source.may_release(trs, name) is not None:
        return ok(code, f'can release published columns: "{name}".release(table, columns)')
    return warning(
        code,
        "PostgreSQL refuses to drop a published column or to change its type, so a migration that tries fails.",
        "Have the administrator run `warehouse replicate sql --migrations-role ROLE`, and the deploy pipeline "
        "`warehouse replicate check-migration FILE.sql` (docs/runbooks/production.md).",
    )


def _reach(warehouse: psycopg.Connection, source_conninfo: str) -> Finding:
    try:
        reach.check(warehouse, source_conninfo)
    except (ReplicationError, SourceNotReady) as error:
        return from_error("server to server", error)
    return ok("server to server", "the warehouse's server reaches the operational database")


def _clock(trs: psycopg.Connection, warehouse: psycopg.Connection) -> Finding:
    skew = clocks.compare(trs, warehouse)
    what = f"the source's is {skew.skew_seconds:+.2f} s from the warehouse's (± {skew.uncertainty_seconds:.2f})"
    if skew.disagree:
        return warning("clocks", f"Clocks disagree: {what}.", "Have both servers' clocks set by NTP.")
    return ok("clocks", what)
