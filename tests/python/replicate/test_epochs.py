"""Which slot may be gone on with: every kind of evidence by itself, and the source's own position."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.core.errors import SlotLost
from warehouse.replicate.stream.continuity import judge
from warehouse.replicate.stream.lsn import as_bytes, as_lsn
from warehouse.replicate.stream.notes import Note
from warehouse.replicate.stream.obstacle import Obstacle, error_of
from warehouse.replicate.stream.slot import Slot
from warehouse.replicate.stream.source_server import Server
from warehouse.replicate.stream.source_state import SourceState, fork_after

SYSTEM = "7000000000000000000"
SOURCE = SourceState(SYSTEM, timeline=1, flushed=1_000, next_xid=500)
NOTE = Note(confirmed=600, source_lsn=610, source_xid=400, timeline=1, transactions=20, statistics_since="a")
SLOT = Slot(confirmed=700, restart=500, invalid=None, active=False, holder="", transactions=30, statistics_since="a")


def kind(
    slot: Slot | None = SLOT, source: SourceState = SOURCE, applied: int = 650, note: Note | None = NOTE
) -> str | None:
    """What is found of a stream that is off."""
    found = judge(SYSTEM, slot, source, applied, note, streaming=False)
    return found.kind if found else None


def test_the_same_slot_goes_on() -> None:
    assert kind() is None


def test_one_evidence_is_enough() -> None:
    """Each of the three shows by itself that nothing was missed; without any, nothing is shown."""
    nothing = replace(SLOT, confirmed=700, restart=680, transactions=30, statistics_since="after a crash")
    assert kind(nothing) == "crashed"
    assert kind(nothing, note=replace(NOTE, transactions=None, statistics_since=None)) == "unproven"
    assert kind(replace(nothing, confirmed=650)) is None
    assert kind(replace(nothing, restart=649)) is None
    assert kind(replace(nothing, restart=650)) == "crashed"
    assert kind(replace(nothing, statistics_since="a")) is None


def test_another_server_of_the_same_cluster_is_compared_or_a_person_is_asked() -> None:
    before = Server("db.example.org:5432", "10.0.0.1:5432", "1")
    note = replace(NOTE, source_server=before)

    def found(address: str, own_address: str, started: str, **more: int) -> str | None:
        server = Server(address, own_address, started)
        return kind(source=replace(SOURCE, server=server, **more), note=note)

    assert found(before.address, before.own_address, "2") is None
    assert found("alias.example.org:5432", "10.0.0.2:5432", "1") is None
    assert found(before.address, "10.0.0.2:5432", "2") == "replaced"
    assert found("other.example.org:5432", "10.0.0.2:5432", "2") == "moved"
    # A failover has a timeline of its own, which began after all that was applied: that is proof enough.
    assert found("other.example.org:5432", "10.0.0.2:5432", "2", timeline=2, forked_at=900) is None
    assert found("other.example.org:5432", "10.0.0.2:5432", "2", timeline=2, forked_at=649) == "unproven"
    # Nobody has written since our mark, so nothing can be missing; but what comes may be of a copy.
    quiet = replace(note, source_xid=499, source_xmin=499)
    other = replace(SOURCE, server=Server(before.address, "10.0.0.2:5432", "2"))
    assert kind(source=other, note=quiet) is None


def test_after_a_crash_a_run_is_enough_and_else_a_person_asks_for_the_repair() -> None:
    crashed, lost = (error_of(Obstacle(kind, "why"), "trw_1") for kind in ("crashed", "lost"))
    assert isinstance(crashed, SlotLost) and crashed.after_a_crash
    assert crashed.next_command.startswith("`warehouse replicate run`")
    assert isinstance(lost, SlotLost) and not lost.after_a_crash
    assert "`warehouse replicate repair`" in lost.next_command


def test_fewer_decoded_transactions_are_a_slot_made_anew() -> None:
    """Also when it has been streamed from since, so that all it confirmed was applied."""
    assert kind(replace(SLOT, transactions=19, restart=620)) == "new slot"
    assert kind(replace(SLOT, transactions=19, restart=620), applied=700) == "new slot"
    # A slot that was made later cannot begin before what ours had confirmed: the source's files were put back.
    assert kind(replace(SLOT, transactions=19)) == "rewound"
    # A crash of the source resets them; then they say nothing.
    assert kind(replace(SLOT, transactions=0, statistics_since="b")) is None


@pytest.mark.parametrize(
    ("slot", "source", "note", "found"),
    [
        (SLOT, SOURCE, NOTE, "restarted"),
        # It may have streamed on by itself, past a hole: that it has applied what the slot has confirmed shows nothing.
        (replace(SLOT, confirmed=650), SOURCE, NOTE, "restarted"),
        (replace(SLOT, confirmed=600), SOURCE, NOTE, None),
        # Nobody was writing at the last mark, and nobody has begun since; or somebody was.
        (SLOT, replace(SOURCE, next_xid=401), replace(NOTE, source_xmin=400), None),
        (SLOT, replace(SOURCE, next_xid=402), replace(NOTE, source_xmin=400), "restarted"),
        (SLOT, replace(SOURCE, next_xid=401), replace(NOTE, source_xmin=399), "restarted"),
        # What is wrong with the slot itself comes first.
        (replace(SLOT, transactions=19, restart=620), SOURCE, NOTE, "new slot"),
    ],
)
def test_a_start_of_the_warehouse_is_a_doubt_unless_nothing_can_be_missing(
    slot: Slot, source: SourceState, note: Note, found: str | None
) -> None:
    def kind_on(server: str, noted: str | None) -> str | None:
        seen = judge(SYSTEM, slot, source, 650, replace(note, server=noted), streaming=True, server=server)
        return seen.kind if seen else None

    assert kind_on("started again", "as it was") == found
    if found in ("restarted", None):
        assert kind_on("as it was", "as it was") is None
        assert kind_on("started again", None) is None, "before the first pass nothing was noted of it"


def test_a_slot_that_cannot_be_decoded_is_lost() -> None:
    assert kind(note=replace(NOTE, undecodable="its WAL was removed")) == "lost"


def test_a_slot_that_is_gone_or_given_up() -> None:
    assert kind(None) == "lost"
    assert kind(replace(SLOT, invalid="wal_removed")) == "lost"


@pytest.mark.parametrize(
    ("holder", "streaming", "found"),
    [
        ("teaching_record_warehouse", True, None),
        ("", True, None),
        ("pg_recvlogical", True, "taken"),
        ("pg_recvlogical", False, "taken"),
        ("teaching_record_warehouse", False, "held by us"),
        ("", False, "taken"),
    ],
)
def test_who_reads_it(holder: str, streaming: bool, found: str | None) -> None:
    finding = judge(SYSTEM, replace(SLOT, active=True, holder=holder), SOURCE, 650, NOTE, streaming=streaming)
    assert (finding.kind if finding else None) == found


def test_what_another_one_took_was_not_applied() -> None:
    note = replace(NOTE, taken_by="pg_recvlogical")
    assert kind(note=note) == "unproven"
    assert kind(replace(SLOT, confirmed=650), note=note) is None


def test_another_cluster_comes_first() -> None:
    assert kind(None, replace(SOURCE, system_id="8")) == "other source"


@pytest.mark.parametrize(
    "source",
    [
        replace(SOURCE, flushed=649),
        replace(SOURCE, next_xid=400),
        replace(SOURCE, timeline=2, forked_at=609),
    ],
)
def test_a_source_that_went_back(source: SourceState) -> None:
    assert kind(source=source) == "rewound"
    # A lost slot does not hide it.
    assert kind(None, source) == "rewound"


def test_a_failover_that_lost_nothing() -> None:
    assert kind(source=replace(SOURCE, timeline=2, forked_at=650)) is None
    # Whether what was applied after the fork is of the new timeline, nobody can tell.
    assert kind(source=replace(SOURCE, timeline=2, forked_at=640)) == "unproven"


def test_an_earlier_timeline() -> None:
    assert kind(source=SOURCE, note=replace(NOTE, timeline=2)) == "rewound"


@given(
    lost_at=st.integers(601, 900),
    waited=st.integers(0, 50),
    running=st.integers(0, 50),
    applied=st.integers(0, 600),
    crashed=st.booleans(),
    noted=st.booleans(),
)
def test_no_slot_made_later_is_ever_taken_for_ours(
    lost_at: int, waited: int, running: int, applied: int, crashed: bool, noted: bool
) -> None:
    """Ours had confirmed up to 600 at least; the new one begins where it was made, after ours was dropped."""
    made_at = lost_at + waited
    slot = Slot(
        confirmed=made_at + running,
        restart=made_at,
        invalid=None,
        active=False,
        holder="",
        transactions=0,
        statistics_since="b" if crashed else "a",
    )
    note = NOTE if noted else replace(NOTE, confirmed=100, source_xid=None, transactions=None, statistics_since=None)
    assert kind(slot, applied=applied, note=note) in ("new slot", "unproven", "crashed")


@given(st.integers(0, 2**64 - 1))
def test_positions_keep_their_value(position: int) -> None:
    assert as_bytes(as_lsn(position)) == position


def test_where_a_timeline_was_left() -> None:
    history = "1\t0/3000000\tno recovery target specified\n\n2\t0/5000000\tno recovery target specified\n"
    assert fork_after(history, 1) == 0x3000000
    assert fork_after(history, 2) == 0x5000000
    assert fork_after(history, 7) == 0
