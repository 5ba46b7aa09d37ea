"""The first copy while the source is being written to: what is copied and what is streamed meet exactly."""

from __future__ import annotations

import random
import threading
import uuid

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.python.replicate.world import PERSON, insert, rows_digest
from warehouse.core.databases import Databases
from warehouse.core.progress import Silent
from warehouse.replicate import load_classification, replicate
from warehouse.replicate.ledger import epochs
from warehouse.replicate.sync import parts as copy

pytestmark = pytest.mark.slow

SEED = 20_261_121


@pytest.fixture
def busy(prepared: Databases) -> Databases:
    """A source with some thousand rows in two tables."""
    with prepared.at_source() as trs:
        for number in range(2_000):
            insert(trs, "persons", {**PERSON, "person_id": uuid.uuid4(), "trn": f"{number:07d}"})
    return prepared


def test_content_is_equal_after_a_copy_under_writes(busy: Databases, monkeypatch: pytest.MonkeyPatch) -> None:
    print(f"seed {SEED}")
    # Many small parts, so that writes fall before, between and after them.
    monkeypatch.setattr(copy, "CHUNK_PAGES", 4)
    stop = threading.Event()
    written = 0

    def write() -> None:
        nonlocal written
        chance = random.Random(SEED)
        with busy.at_source() as trs:
            number = 2_000
            while not stop.is_set():
                with trs.transaction():
                    number += 1
                    insert(trs, "persons", {**PERSON, "person_id": uuid.uuid4(), "trn": f"{number:07d}"})
                    for verb in (
                        "update persons set first_name = %s where trn = %s",
                        "delete from persons where trn = %s",
                    ):
                        trn = f"{chance.randrange(number):07d}"
                        trs.execute(verb.encode(), (f"n{number}", trn) if "update" in verb else (trn,))
                    if chance.random() < 0.1:
                        raise psycopg.Rollback
                written += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        replicate(busy, Silent())
    finally:
        stop.set()
        writer.join()
    replicate(busy, Silent())
    assert written > 50
    with busy.at_source() as trs, busy.at_warehouse() as warehouse:
        assert rows_digest(trs, "persons") == rows_digest(warehouse, "persons")
        counted = warehouse.execute(
            "select (select count(*) from persons where _known_from_xid not in (select xid from ledger.transactions)),"
            " (select count(*) from history.persons"
            "  where to_xid not in (select xid from ledger.transactions) or known_from is null)"
        ).fetchone()
        # Each version has a time: no transaction escaped the ledger.
        assert counted == (0, 0)


def test_a_copy_that_was_broken_off_is_gone_on_with(busy: Databases, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = copy.copy_parts

    def broken_off(parts: list[copy.Part], **settings: object) -> int:
        whole(parts[: len(parts) // 2], **settings)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    monkeypatch.setattr(copy, "copy_parts", broken_off)
    with pytest.raises(KeyboardInterrupt):
        replicate(busy, Silent())
    monkeypatch.setattr(copy, "copy_parts", whole)
    replicate(busy, Silent())
    name = busy.settings.warehouse_replication_name
    with busy.at_source() as trs, busy.at_warehouse() as warehouse:
        assert rows_digest(trs, "persons") == rows_digest(warehouse, "persons")
        ends = warehouse.execute("select state, end_reason from ledger.epochs order by epoch_id").fetchall()
        assert ends == [("ended", "the first copy was interrupted"), ("streaming", None)]
        slots = trs.execute("select slot_name from pg_replication_slots where starts_with(slot_name, %s)", (name,))
        assert slots.fetchall() == [(f"{name}_2",)]


@pytest.mark.parametrize("pages", [1, 3, 10_000])
def test_the_parts_cover_a_table_once(busy: Databases, pages: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copy, "CHUNK_PAGES", pages)
    classification = load_classification()
    with busy.at_source() as trs:
        parts = copy.split(trs, "public", {"persons": ["person_id"]}, classification.json_rules)
        total = 0
        for part in parts:
            with trs.cursor().copy(part.read()) as reading:
                data = b"".join(reading)
            # A binary row of one uuid: two bytes for the number of columns, four for the length, sixteen of value.
            total += (len(data) - 21) // 22
        assert trs.execute("select count(*) from persons").fetchone() == (total,)


@given(st.integers(0, 10_000_000))
def test_parts_of_a_table_are_small_and_of_equal_size(pages: int) -> None:
    cuts = copy._cuts(pages)
    sizes = [end - first for first, end in zip(cuts, [*cuts[1:], max(pages, 1)], strict=True)]
    assert cuts[0] == 0 and max(sizes) <= copy.CHUNK_PAGES
    assert len(cuts) == 1 or len(cuts) % copy.WORKERS == 0
    assert max(sizes) - min(sizes) <= len(cuts)


def test_the_ledger_knows_each_table_that_was_copied(busy: Databases) -> None:
    replicate(busy, Silent())
    with busy.at_warehouse() as warehouse:
        epoch = epochs.current(warehouse, busy.settings.warehouse_replication_name)
        assert epoch is not None
        copied = dict(
            warehouse.execute(
                "select table_name, rows_copied from ledger.copied_tables where epoch_id = %s", (epoch.epoch_id,)
            ).fetchall()
        )
    assert set(copied) == set(load_classification().published)
    assert copied["persons"] == 2_000


def test_long_values_are_stored_as_they_come_until_the_table_is_copied(busy: Databases) -> None:
    note, text, stored = uuid.uuid4(), "x" * 6_000, "select pg_column_size(content) from notes"
    with busy.at_source() as trs, busy.at_warehouse() as warehouse:
        insert(trs, "persons", {**PERSON, "person_id": note, "trn": "9999999"})
        insert(trs, "notes", {"note_id": note, "person_id": note, "content": text, "created_on": "2026-01-01"})
        replicate(busy, Silent())
        assert warehouse.execute(stored.encode()).fetchone() == (6_000,)
        trs.execute("update notes set content = 'y' || content")
        replicate(busy, Silent())
        row = warehouse.execute(stored.encode()).fetchone()
        assert row is not None and row[0] < 1_000
