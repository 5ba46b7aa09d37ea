"""Carrying out what is classified, in the order in which nothing breaks: the replica first, then the publication."""

from __future__ import annotations

from collections.abc import Sequence

import psycopg

from warehouse.core import database
from warehouse.core.errors import DriftHeld
from warehouse.replicate.catalog import known_meanings, publication
from warehouse.replicate.catalog.names import HISTORY
from warehouse.replicate.catalog.relations import SourceColumn, key_of
from warehouse.replicate.catalog.types import type_change
from warehouse.replicate.drift import (
    backfill,
    changed_rules,
    columns,
    moved,
    new_tables,
    publishing,
    released,
    sinks,
    subscribing,
)
from warehouse.replicate.drift.both_sides import Catalogs
from warehouse.replicate.drift.compare import compare
from warehouse.replicate.drift.difference import NOT_CLASSIFIED, Difference, Kind
from warehouse.replicate.drift.work import Work
from warehouse.replicate.ledger import column_states, gaps
from warehouse.replicate.replica import manual_writes

_RETIRING: frozenset[Kind] = frozenset(
    {"dropped column", "retire", "dropped table", "retire table", "changed type", "identity", "key"}
)
_WITH_STREAM: frozenset[Kind] = frozenset({"add table", "copying", "back-fill", "subscribe"})
_TO_FILL: frozenset[Kind] = frozenset({"add column", "publish", "released", "widened"})


def make_ready(work: Work) -> None:
    """What can be done while the stream is off: the replica takes all that may come, the publication is set right.

    Each table by itself; a failure is kept in `work.failures`.
    """
    (looked_at,) = database.one(work.source, "select clock_timestamp()")
    now = work.look()
    every = compare(work.classification, now)
    # Before anything else: what the next steps alter is not to be mistaken for it, and what was seen is not to be lost.
    moved.note(work.warehouse, now, [one for one in every if one.kind in moved.KINDS])
    released.note(work, now)
    changed_rules.notice(work)
    found = [one for one in every if _is_due(work, one)]
    if now.altered:
        work.attempt(subscribing.set_right, now)
    if now.publication:
        gaps.sent_whole(work.warehouse, work.epoch, now.publication.sends_whole, looked_at)
    for place, table in sinks.wanted_elsewhere(work, now):
        work.attempt(sinks.make_elsewhere, place, table)
    _restore_publication(work, now, [one for one in found if one.kind == "publication"])
    if now.publication is None or now.publication.whole:
        now = work.seen()
    by_table: dict[str, list[Difference]] = {}
    for one in found:
        if one.table:
            by_table.setdefault(one.table, []).append(one)
    for table, differences in by_table.items():
        work.attempt(_table, now, table, differences)


def with_stream(work: Work) -> None:
    """What needs the stream: the subscription's tables, the copies of new ones, the back-fill of columns."""
    now = work.seen()
    found = compare(work.classification, now)
    new = [one for one in found if one.kind in ("add table", "copying")]
    emptied = [one for one in found if one.kind == "left behind" and one.column is None and work.by_person]
    rekeyed = [one for one in found if one.kind == "key" and one.table in work.accept]
    if subscribing.is_due(now):
        work.attempt(subscribing.take_up)
    for one in emptied:
        work.attempt(changed_rules.empty, one)
    for one in (*new, *rekeyed):
        work.attempt(_copy, now, one)
    if wanted := _to_back_fill(work.seen()):
        work.attempt(_back_fill, wanted)


def _is_due(work: Work, one: Difference) -> bool:
    accepted = one.name in work.accept and one.kind in ("narrowed", "changed type")
    return accepted or (one.pending and (work.by_person or one.automatic or one.kind in ("left behind", "cut")))


def _restore_publication(work: Work, now: Catalogs, found: Sequence[Difference]) -> None:
    if not found:
        return
    before = now.publication
    if before is None or before.whole:
        if before is not None:
            for table in sorted(set(before.sends) - set(now.replica)):
                sinks.make(work, now, table, NOT_CLASSIFIED)
        every = {
            table: _sendable(work, now, table)
            for table in work.classification.published
            if table in now.replica and table in now.source
        }
        whole = {table: names for table, names in every.items() if not now.identities[table].fault(names)}
        publishing.recreate(work.source, work.name, work.schema, whole)
        for table in whole:
            listing = publication.listing(work.source, work.name, work.schema, table)
            known_meanings.note_listing(work.warehouse, table, listing)
        if before is None:
            work.open_gap(now.replica, "the publication was gone")
    else:
        publishing.set_right(work.source, work.name, before.foreign)
        if missing := [verb for verb in publication.VERBS if verb not in before.verbs]:
            work.open_gap(now.replica, f"the publication did not send every {', '.join(missing)}")
    work.altered()
    for one in found:
        work.record(one, one.will)


def _table(work: Work, now: Catalogs, table: str, found: Sequence[Difference]) -> None:
    kinds = {one.kind for one in found}
    if "unpublish table" in kinds and table not in now.replica:
        sinks.make(work, now, table, NOT_CLASSIFIED)
    if table in now.replica and table in now.source:
        # What still comes in the stream, and is not to, gets a place where nothing of it is stored.
        unwanted = [one for one in found if one.kind == "unpublish"]
        _add(work, now, table, unwanted, "held", NOT_CLASSIFIED)
        _add(work, now, table, [one for one in found if one.kind == "add column"], "adding", "not yet back-filled")
        _retype(work, now, table, [one for one in found if one.kind in ("widened", "narrowed", "changed type")])
    _publish(work, table, kinds)
    rules = [one for one in found if one.kind in ("left behind", "cut")]
    if any(one.column for one in rules):
        changed_rules.follow(work, work.look(), table, rules)
    for one in (one for one in found if one not in rules):
        if one.kind in _RETIRING and one.name not in work.accept:
            column_states.put(work.warehouse, table, one.column or "", "retired", one.what)
        if one.kind not in _WITH_STREAM and one.kind != "line":
            work.record(one, _done(one, accepted=one.name in work.accept))


def _done(one: Difference, *, accepted: bool) -> str:
    if accepted:
        return "the new type is taken, and its values compared"
    return {
        "add column": "added and published; its back-fill follows",
        "publish": "published; its back-fill follows, and what it was before stays unknown",
        "released": "published again; its back-fill follows",
        "widened": "widened; its values are compared",
    }.get(one.kind, one.will)


def _add(
    work: Work, now: Catalogs, table: str, found: Sequence[Difference], state: column_states.Name, reason: str
) -> None:
    """Add the columns of some differences to the replica, where it lacks them."""
    names = [one.column for one in found if one.column and one.column not in now.replica[table].columns]
    if names:
        columns.add(work, table, now.declared(table, names), state, reason)


def _retype(work: Work, now: Catalogs, table: str, found: Sequence[Difference]) -> None:
    types = {
        one.column: now.source[table][one.column].type
        for one in found
        if one.column and (one.kind == "widened" or one.name in work.accept)
    }
    if types:
        # Values of the former type may be on their way; they travel as text, and become ones of the new one.
        columns.retype(work, table, types, "its type changed; values not yet compared")


def _publish(work: Work, table: str, kinds: set[Kind]) -> None:
    """Have the publication send what the replica can take of a table now."""
    now = work.look()
    before = now.sends.get(table, frozenset())
    wanted = _sendable(work, now, table)
    # A table that comes back has missed changes, whoever took it out.
    is_altered = "publish table" in kinds or ("released" in kinds and bool(wanted) and not before)
    back = [name for name in wanted if name not in before] if table in now.replica and before else []
    comes_back = kinds & _TO_FILL or back
    if back:
        reason = "it was not published; values not yet back-filled"
        fresh = [name for name in back if now.state(table, name) not in ("adding", "backfilling")]
        if fresh:
            columns.set_states(work, table, fresh, "adding", reason)
    if set(wanted) != before or is_altered:
        work.publish(table, wanted)
    if comes_back:
        now = work.look()
        for name in wanted:
            if now.state(table, name) == "adding":
                column_states.put(work.warehouse, table, name, "backfilling", "not yet back-filled")
    if is_altered:
        work.open_gap([table], "the publication did not send it, or not all of its rows")
        column_states.put(work.warehouse, table, "", "complete", "published again; the gap is in ledger.gaps")


def _sendable(work: Work, now: Catalogs, table: str) -> list[str]:
    """The columns that may be sent: classified, replicated, of a type that fits. None where the source would break."""
    here, there = now.replica.get(table), now.source.get(table)
    if here is None or there is None or now.state(table) in ("held", "removed"):
        return []
    if now.state(table) == "released" and not work.by_person:
        return []
    found = [
        name
        for name in work.classification.columns_of(table)
        if name in there
        and name in here.columns
        and (table, name) not in now.generated
        and (now.state(table, name) != "released" or work.by_person)
        and (type_change(here.columns[name], there[name].type) != "changed" or name in now.identities[table].columns)
    ]
    is_rekeyed = set(here.key) != set(key_of(there))
    return [] if is_rekeyed or now.identities[table].fault(found) else found


def _copy(work: Work, now: Catalogs, one: Difference) -> None:
    table = one.table
    # Whatever else is published must not be copied into what is here.
    subscribing.take_up(work)
    there = now.source[table]
    names = [
        name for name in work.classification.columns_of(table) if name in there and (table, name) not in now.generated
    ]
    declared, key = now.declared(table, names), key_of(there)
    if one.kind != "copying":
        if one.kind == "key":
            new_tables.empty(work, table, declared, key)
        elif now.state(table) == "held":
            sinks.drop(work.warehouse, work.schema, table)
        elif now.state(table) == "removed":
            columns.alter(work, table, "it cannot be taken up again", lambda: _with_all(work, table, declared))
        with work.warehouse.transaction():
            new_tables.make(work, table, declared, key)
            # With the table: what is written by hand before the next run is noted, too.
            manual_writes.note_them(work.warehouse, work.classification, only=table)
            known_meanings.note(work.warehouse, now.meanings, table, names)
            known_meanings.note_files(work.warehouse, table, new_tables.files(work, table))
    if one.kind == "key" or work.look().sends.get(table) != frozenset(names):
        work.publish(table, names)
    new_tables.refresh(work, copy_data=True)
    rows = new_tables.finish(work, table)
    new_tables.doubt_if_rewritten(work, table)
    work.record(one, f"published and copied, {rows:,} rows")


def _with_all(work: Work, table: str, declared: Sequence[SourceColumn]) -> None:
    """Give a table that was left behind, and is empty, the columns that the source has meanwhile."""
    columns.add_missing(work.warehouse, [work.schema, HISTORY], table, declared)
    columns.view_versions(work, table)


def _to_back_fill(now: Catalogs) -> dict[str, list[str]]:
    """The columns that wait for their values, by table."""
    wanted: dict[str, list[str]] = {}
    for (table, column), state in now.states.items():
        # What is not sent yet must not be filled: the next change of a row would come without it.
        if state.state in ("adding", "backfilling") and column in now.sends.get(table, ()):
            wanted.setdefault(table, []).append(column)
    return wanted


def _back_fill(work: Work, wanted: dict[str, list[str]]) -> None:
    now = work.look()
    # Before the boundary: what comes to mean something else after this look is found by the next one.
    for table, names in wanted.items():
        known_meanings.note_columns(work.warehouse, now.meanings, table, names)
    publishing.outlive_older_transactions(work.source, work.name, work.progress)
    boundary = backfill.boundary(work.source, work.warehouse, work.name, work.progress)
    for table, names in wanted.items():
        key = {name: now.source[table][name].type for name in now.replica[table].key}
        rules = work.classification.json_rules(table)
        what = backfill.BackFill(work.schema, table, key, [name for name in names if name not in key], rules)
        try:
            rows = (
                backfill.fill(work.source, work.warehouse, work.epoch, what, boundary, work.progress)
                if what.columns
                else 0
            )
        except psycopg.DataError:
            # The server's message has the value.
            raise DriftHeld(
                f"{table}.{', '.join(what.columns)}: a value of the source does not fit the type in the warehouse.",
                meaning="The columns are not filled; what is done is kept, and the ledger says so. The next such row "
                "would stop the stream.",
                next_command="Give the warehouse's type what the source's has (an enumeration's labels, a wider type), "
                "or leave the column behind in replication/trs.yml; then: warehouse replicate apply",
            ) from None
        column_states.complete(work.warehouse, table, names, "back-filled; a null is the source's own")
        for name in names:
            work.record(Difference("back-fill", table, name, "", ""), f"back-filled, {rows:,} rows written")
