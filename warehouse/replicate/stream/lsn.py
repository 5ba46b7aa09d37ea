"""Positions in the source's WAL: as text, as bytes, and how far the warehouse has applied it."""

from __future__ import annotations

import psycopg

from warehouse.replicate.catalog import subscriptions


def as_bytes(lsn: str) -> int:
    """A position in the WAL, from the form that PostgreSQL prints."""
    high, low = lsn.split("/")
    return (int(high, 16) << 32) + int(low, 16)


def as_lsn(position: int) -> str:
    """A position in the WAL in the form that PostgreSQL prints."""
    return f"{position >> 32:X}/{position & 0xFFFFFFFF:X}"


def applied_lsn(warehouse: psycopg.Connection, name: str) -> int | None:
    """Where the last applied transaction ends in the source's WAL; it is durable (the origin's `remote_lsn`).

    None before the first one, without a subscription, and where this user may not ask (that takes a superuser or a
    grant).

    Args:
        name: of the subscription.
    """
    may_ask = "has_function_privilege('pg_replication_origin_progress(text, boolean)', 'execute')"
    row = subscriptions.read(warehouse, name, f"'pg_' || oid, {may_ask}")
    if row is None or not row[1]:
        return None
    try:
        found = warehouse.execute(
            "select pg_wal_lsn_diff(pg_replication_origin_progress(%s, true), '0/0')::bigint", (row[0],)
        ).fetchone()
    except psycopg.errors.UndefinedObject:
        # The subscription was dropped in between, and its origin with it.
        return None
    return int(found[0]) if found and found[0] else None
