"""Erasing one person everywhere, step by step; the same command finishes what a kill interrupted."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import psycopg

from warehouse.core.databases import Databases
from warehouse.core.errors import ErasureRefused
from warehouse.core.keyed_hashes import hidden
from warehouse.core.keys import Key
from warehouse.core.progress import Progress
from warehouse.core.writer import write_on_purpose
from warehouse.erase import guard, ledgers, names, quiet, record, relations, returned, rows, storage, traces, wal
from warehouse.erase.deliveries import BY_DATES, Deliveries, Held
from warehouse.erase.names import Candidate
from warehouse.erase.reference import check_person
from warehouse.erase.rows import Found, Tables
from warehouse.erase.rules import Rules, load_rules
from warehouse.erase.subject import Subject

Resealed = Callable[[psycopg.Connection, list[str], str], AbstractContextManager[None]]
"""Given the warehouse, tables whose history is about to change, and why: one transaction with the block."""

_NOT_BUILT_SINCE = """
select p.place, n.nspname || '.' || c.relname from ledger.erased_places as p
join pg_class as c on c.oid = p.relation join pg_namespace as n on n.oid = c.relnamespace
where p.erasure_id = %s and p.kind = 'derived' and not exists (
    select from ledger.published_relations as r
    join ledger.builds as b on b.build_id = r.build_id
    join ledger.erasures as e on e.erasure_id = p.erasure_id
    where r.relation_oid = c.oid and b.published_at > e.asked_at
)
"""


@dataclass(frozen=True)
class Survey:
    """Where a person is.

    Attributes:
        at_source: replicated tables of the operational database that still hold them, with the number of rows.
        places: tables and files of the warehouse.
        deliveries: delivered files.
        unread: tables of others that this user may not read: whether the person is in them is not known.
        candidates: rows that may be about them, for a person to decide.
        refusal: why they could not be erased now.
        notes: what the servers keep and this user cannot prevent.
    """

    at_source: dict[str, int]
    places: list[Found]
    deliveries: list[Held]
    unread: list[str]
    candidates: list[Candidate] = field(default_factory=list)
    refusal: str | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def not_recreated(self) -> list[str]:
        """The deliveries that could not be made again as they were sent, once the person is erased."""
        return sorted({held.delivery_id for held in self.deliveries if held.found != BY_DATES})


@dataclass(frozen=True)
class Erasure:
    """What an erasure did.

    Attributes:
        erasure_id: of the record; None when the warehouse held nothing of the person.
        finished_before: erasures that had been interrupted and were finished first.
        unfinished: interrupted erasures of other people; the command that began each has to be run again.
        left_there: tables that hold the person and that no build makes; their owners have to see to them.
        unread: tables of others that this user may not read; their owners have to look.
        candidates: rows that may be about them, for a person to decide.
        notes: what the servers keep and this user cannot prevent.
    """

    erasure_id: int | None
    finished_before: list[int] = field(default_factory=list)
    unfinished: list[int] = field(default_factory=list)
    places: list[dict[str, Any]] = field(default_factory=list)
    deliveries: list[dict[str, Any]] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    candidates: list[Candidate] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def not_recreated(self) -> list[str]:
        """The deliveries that are known to have held the person: none of them can be made again as it was sent."""
        return sorted({str(held["delivery"]) for held in self.deliveries if held["found"] != BY_DATES})

    @property
    def left_there(self) -> list[str]:
        return [place["place"] for place in self.places if place["left_there"]]


@dataclass(frozen=True)
class _Located:
    subject: Subject
    tables: Tables
    found: list[Found]
    deliveries: list[Held]
    ledgers: list[Found]
    derived: list[Found]
    files: list[Found]
    unread: list[str]
    candidates: list[Candidate]
    notes: list[str]

    def __bool__(self) -> bool:
        """Whether there is anything to do: what recipients hold is theirs, and so are tables that no build made."""
        here = [held for held in self.deliveries if held.held == "here"]
        derived = [found for found in self.derived if found.ours]
        return bool(self.found or here or self.ledgers or derived or self.files)


def _nothing(step: str) -> None:
    del step


def survey(
    databases: Databases,
    subject: Subject,
    progress: Progress,
    *,
    key: Key | None = None,
    rules: Rules | None = None,
) -> Survey:
    """Where a person is, everywhere. Changes nothing.

    Args:
        key: of the installation, by which ledgers show identifiers.

    Raises:
        ClassificationError: a table says nothing of how its rows belong to persons.
    """
    rules = rules or load_rules()
    with databases.source() as trs, databases.warehouse() as warehouse:
        notes = quiet.begin(trs, "the operational database") + quiet.begin(warehouse, "the warehouse")
        refusal = None
        try:
            guard.check_caught_up(trs, warehouse, progress)
        except ErasureRefused as error:
            refusal = error.what
        located = _locate(databases, warehouse, rules, subject, progress, key)
        at_source = guard.at_source(trs, rules, located.subject, progress)
        try:
            guard.check_gone_at_source(at_source)
        except ErasureRefused as error:
            refusal = error.what
    notes += located.notes
    places = [*located.found, *located.ledgers, *located.derived, *located.files]
    return Survey(at_source, places, located.deliveries, located.unread, located.candidates, refusal, notes)


def erase(
    databases: Databases,
    subject: Subject,
    progress: Progress,
    *,
    rebuild: Callable[[], None],
    resealed: Resealed,
    key: Key | None = None,
    reference: str | None = None,
    rules: Rules | None = None,
    hook: Callable[[str], None] = _nothing,
) -> Erasure:
    """Erase a person everywhere in the warehouse, and record that it was done.

    Call it while nothing else runs, builds or delivers on this warehouse.

    Args:
        rebuild: builds the models from the rows that are left and publishes them.
        resealed: checks settled months of history against their seals before the block, and seals them again after it.
        key: of the installation; without one the person's return would not be noticed, and keyed hashes stay.
        reference: of the request; it must not say who it is about (see reference.py).
        hook: called with the name of each step when it is done, and within some; tests stop the process there.

    Raises:
        ClassificationError: a table says nothing of how its rows belong to persons.
        ErasureRefused: the source still holds the person, the stream is behind, or a session is in the way.
        WarehouseError: of the rebuild; the same command resumes there.
    """
    rules = rules or load_rules()
    with databases.source() as trs, databases.warehouse() as warehouse:
        notes = quiet.begin(trs, "the operational database") + quiet.begin(warehouse, "the warehouse")
        finished = []
        for broken_off in record.without_rows(warehouse):
            notes += _finish(
                warehouse, broken_off, rebuild, progress, hook, lambda: traces.remove_records(databases.settings)
            )
            finished.append(broken_off.erasure_id)
        guard.check_caught_up(trs, warehouse, progress)
        located = _locate(databases, warehouse, rules, subject, progress, key)
        check_person(reference, located.subject)
        guard.check_gone_at_source(guard.at_source(trs, rules, located.subject, progress))
        guard.check_replica(warehouse, located.tables, located.subject)
        notes += located.notes
        mine = record.begin(warehouse, located.subject, reference) if located else None
        if mine is None:
            done = _report(warehouse, finished[-1] if finished else None)
            done["deliveries"] = done["deliveries"] or [_as_recorded(held) for held in located.deliveries]
            done["places"] = done["places"] or [_as_left(found) for found in located.derived]
            others = record.others_running(warehouse, None)
            return Erasure(
                None, finished, others, **done, unread=located.unread, candidates=located.candidates, notes=notes
            )
        hook("begun")
        _take_out(databases, warehouse, mine, located, progress, hook, resealed, key)
        rest = record.Record(mine.erasure_id, frozenset(record.STEPS[:3]))
        notes += _finish(
            warehouse, rest, rebuild, progress, hook, lambda: traces.remove(databases.settings, located.subject)
        )
        return Erasure(
            mine.erasure_id,
            finished,
            record.others_running(warehouse, mine.erasure_id),
            **_report(warehouse, mine.erasure_id),
            unread=located.unread,
            candidates=located.candidates,
            notes=notes,
        )


def _locate(
    databases: Databases,
    warehouse: psycopg.Connection,
    rules: Rules,
    subject: Subject,
    progress: Progress,
    key: Key | None,
) -> _Located:
    derived_tables = relations.elsewhere(warehouse, rules)
    tables = list(relations.of_persons(warehouse, rules))
    progress.say("learning what identifies the person")
    subject = names.learn(warehouse, tables, rows.learn(warehouse, tables, subject))
    found = []
    for relation, rule in tables:
        progress.say(f"looking through {relation.place}")
        counted = rows.count(warehouse, relation, rule, subject)
        if counted.theirs or counted.shared:
            found.append(counted)
    deliveries = Deliveries(warehouse, databases.settings, subject, progress, key)
    traced = traces.find(databases.settings, subject, deliveries.in_files)
    files = [Found(name, "file", lines) for name, lines in traced]
    others = rows.count_elsewhere(warehouse, derived_tables, subject, progress.say)
    return _Located(
        subject,
        tables,
        found,
        deliveries.find(),
        ledgers.count(warehouse, subject, _hashes(subject, key)) + deliveries.index.count(),
        others.found,
        files + [Found(name, "file", lines) for name, lines in deliveries.strays()],
        others.unread,
        list(names.candidates(warehouse, tables, subject)),
        relations.beyond(warehouse, subject),
    )


def _take_out(
    databases: Databases,
    warehouse: psycopg.Connection,
    mine: record.Record,
    located: _Located,
    progress: Progress,
    hook: Callable[[str], None],
    resealed: Resealed,
    key: Key | None,
) -> None:
    """The steps that need to know who it is. The rows come last: the identifiers are learnt from them.

    All rows go in one transaction: after a kill, either everything that holds the identifiers is still there, or no
    row is left and the rest can be done without knowing them.
    """
    record.note(warehouse, mine.erasure_id, [*located.derived, *located.files])
    stored = Deliveries(warehouse, databases.settings, located.subject, progress, key)
    stored.rewrite(mine.erasure_id, located.deliveries, hook)
    if record.FILES not in mine.done:
        record.step_done(warehouse, mine.erasure_id, record.FILES)
    hook(record.FILES)
    traces.remove(databases.settings, located.subject)
    if record.TRACES not in mine.done:
        record.step_done(warehouse, mine.erasure_id, record.TRACES)
    hook(record.TRACES)
    places = {found.place for found in located.found}
    history = sorted({relation.table for relation, _ in located.tables if relation.place in places})
    with resealed(warehouse, history, f"erasure {mine.erasure_id}"):
        write_on_purpose(warehouse, "erase")
        keys: set[str] = set(_hashes(located.subject, key))
        touched: set[str] = set()
        for relation, rule in located.tables:
            progress.say(f"erasing from {relation.place}")
            removed = rows.remove(warehouse, relation, rule, located.subject)
            hook("erasing")
            keys |= removed.keys
            record.note(warehouse, mine.erasure_id, removed.places)
            if removed.places:
                touched.add(relation.table)
        # A row that the stream deleted before is still in the files of its table, and in those of the log.
        for relation, _ in located.tables:
            if relation.table in touched and relation.kind in ("replica", "history") and not relation.is_partitioned:
                record.note(warehouse, mine.erasure_id, [Found(relation.place, relation.kind, 0)])
        record.note(warehouse, mine.erasure_id, ledgers.clean(warehouse, located.subject, keys))
        record.note(warehouse, mine.erasure_id, stored.index.forget())
        if key:
            returned.register(warehouse, mine.erasure_id, located.subject, key)
        record.step_done(warehouse, mine.erasure_id, record.ROWS)
    hook(record.ROWS)


def _hashes(subject: Subject, key: Key | None) -> list[str]:
    """What ledgers show in the place of the person's identifiers."""
    return [hidden(key, word) for word in subject.words] if key else []


def _finish(
    warehouse: psycopg.Connection,
    mine: record.Record,
    rebuild: Callable[[], None],
    progress: Progress,
    hook: Callable[[str], None],
    remove_traces: Callable[[], None],
) -> list[str]:
    """The steps that need not know who it was; returns what the server keeps nevertheless."""
    if record.MARTS not in mine.done:
        rebuild()
        # What the build has written down of itself.
        remove_traces()
        hook("built")
        _check_derived(warehouse, mine.erasure_id)
        record.step_done(warehouse, mine.erasure_id, record.MARTS)
    hook(record.MARTS)
    kept: list[str] = []
    if record.STORAGE not in mine.done:
        noted = record.places(warehouse, mine.erasure_id)
        kinds = ("replica", "history", "landing", "ledger", "derived")
        ours = [one["place"] for one in noted if one["kind"] in kinds and not one["left_there"]]
        storage.rewrite(warehouse, [*ours, "ledger.erasures"], progress)
        kept = wal.retire(warehouse)
        record.step_done(warehouse, mine.erasure_id, record.STORAGE)
    hook(record.STORAGE)
    record.finish(warehouse, mine.erasure_id)
    return kept


def _check_derived(warehouse: psycopg.Connection, erasure_id: int) -> None:
    """Which tables with the person in them no build has filled since: the same tables, and not published by one.

    Raises:
        ErasureRefused: one of them belongs to an old build, which a session still reads.
    """
    same = warehouse.execute(_NOT_BUILT_SINCE, (erasure_id,)).fetchall()
    old = [name for _, name in same if name.startswith(relations.BUILT_ASIDE)]
    if old:
        raise ErasureRefused(
            f"A session still reads {old[0]}, which belongs to an old build and holds the person.",
            meaning="New readers see marts without the person. The erasure stays unfinished.",
            next_command="End that session or wait for it, then run the same `warehouse erase` again.",
        )
    warehouse.execute(
        "update ledger.erased_places set left_there = place = any(%s) where erasure_id = %s and kind = 'derived'",
        ([place for place, _ in same], erasure_id),
    )


def _as_left(found: Found) -> dict[str, Any]:
    return {"place": found.place, "kind": found.kind, "erased": found.theirs, "emptied": 0, "left_there": True}


def _as_recorded(held: Held) -> dict[str, Any]:
    return {
        "delivery": held.delivery_id,
        "file": held.name,
        "destination": held.destination,
        "held": held.held,
        "found": held.found,
        "old_sha256": None,
        "new_sha256": None,
    }


def _report(warehouse: psycopg.Connection, erasure_id: int | None) -> dict[str, list[dict[str, Any]]]:
    if erasure_id is None:
        return {"places": [], "deliveries": []}
    return {
        "places": [place for place in record.places(warehouse, erasure_id) if place["erased"] or place["emptied"]],
        "deliveries": record.deliveries(warehouse, erasure_id),
    }
