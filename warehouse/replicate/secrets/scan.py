"""The scan: one pass over each relation on the server, and a closer look at the few rows that it gives.

It reads through a cursor, so its memory does not grow with the tables, and has a limit of time. After a clean scan the
next one reads only versions that came since; after any other, or with other forms or exceptions, it reads everything.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import class_row

from warehouse.core.database import one
from warehouse.core.progress import Progress
from warehouse.replicate.classification import Classification, NotSecret
from warehouse.replicate.secrets import forms, relations
from warehouse.replicate.secrets.relations import Relation

_VERSION = 1
"""Part of the digest: another number has the next scan read everything."""

_MOST_PLACES = 1000
"""Distinct places that a scan keeps apart."""

_BEGIN = """
insert into ledger.secret_scans (rules, reads_from, horizon) values (%s, %s::text::xid8, %s::text::xid8)
returning scan_id
"""
_END = """
update ledger.secret_scans set ended_at = clock_timestamp(), unfinished = %s, unlisted = %s where scan_id = %s
"""
_FOUND = """
insert into ledger.secrets_found (scan_id, table_name, place, column_name, key_path, form, rows)
values (%s, %s, %s, %s, %s, %s, %s)
"""
_LAST = """
select s.scan_id, s.started_at, s.rules, s.horizon::text::bigint as horizon, s.unfinished, s.unlisted,
    coalesce((select sum(f.rows) from ledger.secrets_found as f where f.scan_id = s.scan_id), 0)::bigint as rows
from ledger.secret_scans as s where s.ended_at is not null order by s.scan_id desc limit 1
"""
_PLACES = """
select table_name, place, column_name, key_path, form, rows from ledger.secrets_found where scan_id = %s
order by table_name, column_name, key_path, place, form
"""
_HORIZON = """
select pg_snapshot_xmin(pg_current_snapshot())::text::bigint
"""
_UNLISTED = """
select left({by}::text, 100), count(*) from {table} where {by}::text <> all({known})
group by 1 order by 2 desc, 1 limit 20
"""


@dataclass(frozen=True)
class Place:
    """Where something looks like a secret. Never the value.

    Attributes:
        place: the current rows (`replica`), versions of today (`log`) or older ones (`history`).
        key_path: within JSON; empty in a text.
        form: what it looks like.
    """

    table_name: str
    place: str
    column_name: str
    key_path: str
    form: str
    rows: int

    def __str__(self) -> str:
        path = f" {self.key_path}" if self.key_path else ""
        return f"{self.table_name}.{self.column_name}{path} ({self.place}, {self.form}, {self.rows:,} rows)"


@dataclass(frozen=True)
class LastScan:
    """The last scan that ended.

    Attributes:
        rules: the digest of forms and exceptions that it went by.
        horizon: transactions (xid8) before this one had ended when it began.
        unfinished: relations that it did not finish in its time.
        unlisted: for each JSON column the kinds that trs_json.yml does not list, with their rows.
        rows: rows with something that looks like a secret.
    """

    scan_id: int
    started_at: datetime
    rules: str
    horizon: int
    unfinished: list[str]
    unlisted: dict[str, dict[str, int]]
    rows: int

    @property
    def is_clean(self) -> bool:
        return not self.rows and not self.unfinished


def last(warehouse: psycopg.Connection) -> LastScan | None:
    """The last scan that ended, if there was one."""
    with warehouse.cursor(row_factory=class_row(LastScan)) as cursor:
        return cursor.execute(_LAST).fetchone()


def places(warehouse: psycopg.Connection, scan: LastScan) -> list[Place]:
    """Where a scan found something."""
    with warehouse.cursor(row_factory=class_row(Place)) as cursor:
        return cursor.execute(_PLACES, (scan.scan_id,)).fetchall()


def scan(
    warehouse: psycopg.Connection,
    classification: Classification,
    progress: Progress,
    *,
    seconds: float,
    everything: bool = False,
) -> LastScan:
    """Scan the replica and its history, and record what is found.

    Args:
        warehouse: in autocommit.
        seconds: how long it may take; what is not read by then is recorded as unfinished.
        everything: also read what a clean scan has read before.
    """
    rules, before = _digest(classification.not_secrets), last(warehouse)
    since = before.horizon if before and before.is_clean and before.rules == rules and not everything else None
    (horizon,) = one(warehouse, _HORIZON)
    (scan_id,) = one(warehouse, _BEGIN, (rules, None if since is None else str(since), str(horizon)))
    deadline, unfinished, found = time.monotonic() + seconds, [], Counter[tuple[str, str, str, str, str]]()
    for relation in relations.read(warehouse, classification.schema_name, list(classification.tables)):
        progress.say(f"scan: {relation.schema}.{relation.name}")
        try:
            _read(warehouse, relation, since, deadline, classification.not_secrets, found)
        except (psycopg.errors.QueryCanceled, TimeoutError):
            unfinished.append(f"{relation.schema}.{relation.name}")
    with warehouse.transaction():
        for place, rows in found.items():
            warehouse.execute(_FOUND, (scan_id, *place, rows))
        unlisted = json.dumps(_unlisted(warehouse, classification))
        warehouse.execute(_END, (unfinished, unlisted, scan_id))
    ended = last(warehouse)
    assert ended is not None
    return ended


def _read(
    warehouse: psycopg.Connection,
    relation: Relation,
    since: int | None,
    deadline: float,
    exceptions: Sequence[NotSecret],
    found: Counter[tuple[str, str, str, str, str]],
) -> None:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    with warehouse.transaction(), warehouse.cursor(name="secrets") as cursor:
        warehouse.execute(sql.SQL("set local statement_timeout = {}").format(sql.Literal(f"{int(left * 1000) + 1}ms")))
        cursor.execute(relation.suspicious(since))
        for row in cursor:
            for name, text in zip(relation.names, row, strict=True):
                if text is None:
                    continue
                look = forms.in_json if name in relation.json else forms.in_text
                for path, form in set(look(text)):
                    if any(exception.covers(f"{relation.table}.{name}", path, form) for exception in exceptions):
                        continue
                    place = (relation.table, relation.place, name, path, form)
                    if len(found) >= _MOST_PLACES and place not in found:
                        place = (relation.table, relation.place, name, "(more keys)", form)
                    found[place] += 1
            if time.monotonic() > deadline:
                raise TimeoutError


def _unlisted(warehouse: psycopg.Connection, classification: Classification) -> Mapping[str, Mapping[str, int]]:
    """Rows of kinds that no rule lists, of which nothing but the kind came."""
    counted: dict[str, dict[str, int]] = {}
    for table in classification.published:
        for column, rule in classification.json_rules(table).items():
            if rule.by is None:
                continue
            query = sql.SQL(_UNLISTED).format(
                by=sql.Identifier(rule.by),
                table=sql.Identifier(classification.schema_name, table),
                known=sql.Literal(sorted(rule.kinds)),
            )
            if rows := warehouse.execute(query).fetchall():
                counted[f"{table}.{column}"] = dict(rows)
    return counted


def _digest(exceptions: Sequence[NotSecret]) -> str:
    said: list[Any] = [_VERSION, forms.SUSPICIOUS, [vars(one) for one in exceptions]]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
