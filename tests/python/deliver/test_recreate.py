"""The file of a closed delivery made again from history: the same, or it is said what is not, and nothing is sent."""

from __future__ import annotations

import collections
import json
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.python.deliver.delivering import OCTOBER, World, listed
from tests.python.deliver.histories import MadeByHand, know
from tests.python.deliver.world import document, write_contract
from warehouse.core.errors import (
    AlreadyRunning,
    BeforeHistory,
    ErasedSince,
    MadeOtherwise,
    NotTheSameAgain,
    UsageError,
    WarehouseError,
)
from warehouse.core.locks import Lock, session_lock
from warehouse.core.progress import Silent
from warehouse.deliver import compare_rows, parquet_file, recreate
from warehouse.deliver.again import Again

pytestmark = pytest.mark.slow

DELIVERY = "dandi/teachers/2026-09"
KNOWN = datetime(2026, 10, 2, 12, tzinfo=UTC)
LEDGER = """
select jsonb_agg(to_jsonb(d)) from ledger.deliveries as d
union all select jsonb_agg(to_jsonb(f)) from ledger.delivery_files as f
union all select jsonb_agg(to_jsonb(s)) from ledger.delivery_states as s
"""


@pytest.fixture
def sent(world: World) -> World:
    """September was delivered from a build that knew of 2 October, noon."""
    with world.building(OCTOBER):
        pass
    know(world.conninfo, KNOWN)
    world.run(built=False)
    return world


def again(world: World, to: Path | None = None, *, other_models: bool = False, **given: object) -> Again:
    then = MadeByHand(world.conninfo, **{"reaches": KNOWN, **given})  # type: ignore[arg-type]
    return recreate(world.at(OCTOBER), then, Silent(), DELIVERY, to=to, other_models=other_models)


def test_it_is_made_as_at_the_day_and_as_known_at_the_moment_of_then(sent: World) -> None:
    before, there = sent.query(LEDGER), listed(sent)
    with sent.building(datetime(2026, 11, 3, tzinfo=UTC).date()) as connection:
        connection.execute("update extracts.dandi_teachers set hours = 0 where urn = 7")
    then = MadeByHand(sent.conninfo, "update {table} set hours = 1.75 where urn = 7", reaches=KNOWN)
    made = recreate(sent.at(OCTOBER), then, Silent(), DELIVERY)
    assert then.asked == [("dandi_teachers", KNOWN, OCTOBER, False)]
    assert made.same_bytes and made.same_rows and made.same_models
    assert made.verdict == "The rows and the bytes are those that were sent."
    assert (sent.query(LEDGER), listed(sent)) == (before, there), "nothing is sent, and no receipt changes"
    assert not any((sent.settings.warehouse_home / "outbox").rglob("*.parquet")), "thrown away"


def test_the_file_goes_to_a_folder_for_its_owner_alone(sent: World, tmp_path: Path) -> None:
    made = again(sent, tmp_path / "looked at")
    name = f"{DELIVERY}/teachers-2026-09.parquet"
    path = tmp_path / "looked at" / name
    assert path.read_bytes() == listed(sent)[name]
    assert path.stat().st_mode & 0o777 == 0o600
    folders = [above for above in path.parents if above.is_relative_to(tmp_path / "looked at")]
    assert {folder.stat().st_mode & 0o777 for folder in folders} == {0o700} and len(folders) == 4
    assert (
        json.loads(json.dumps(made.as_dict(), default=str))["files"][0]["sent_sha256"]
        in sent.query("select sha256 from ledger.delivery_files where kind = 'data'").pop()
    )
    with pytest.raises(UsageError, match="is in that folder already"):
        again(sent, tmp_path / "looked at")


def test_another_version_of_the_writer_gives_the_same_rows_in_other_bytes(
    sent: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_file, "ROWS_PER_GROUP", 1)
    monkeypatch.setattr(parquet_file, "ROWS_PER_BLOCK", 50)
    with pytest.raises(NotTheSameAgain, match="the same rows in other bytes, though the same writer made both"):
        again(sent)
    sent.query("update ledger.delivery_files set writer = 'pyarrow 1.0' where kind = 'data' returning 1")
    made = again(sent)
    assert (made.same_rows, made.same_bytes) == (True, False)
    assert made.verdict.startswith("The rows are those that were sent. The bytes are not: the writer was pyarrow 1.0 ")


def test_rows_that_differ_are_counted_and_never_shown(sent: World) -> None:
    change = "update {table} set last_name = 'Zzother' where urn in (1, 2); delete from {table} where urn = 3"
    with pytest.raises(NotTheSameAgain) as caught:
        again(sent, change=change)
    said = str(caught.value.as_dict())
    assert "had 200 rows and has 199, 3 of them only as sent and 2 only as made now" in said
    assert "Zz" not in said
    # Where the file that was sent is not within reach, less is known.
    (sent.place / "2026-09" / "teachers-2026-09.parquet").unlink()
    with pytest.raises(NotTheSameAgain, match=r"had 200 rows and has 199 \(how many of them differ is not known"):
        again(sent, change=change)


def test_rows_that_were_not_on_record_are_not_said_to_be_the_same(sent: World, monkeypatch: pytest.MonkeyPatch) -> None:
    sent.query("update ledger.delivery_files set content = null, writer = null where kind = 'data' returning 1")
    assert again(sent).same_rows, "the same bytes have the same rows"
    monkeypatch.setattr(parquet_file, "ROWS_PER_GROUP", 1)
    monkeypatch.setattr(parquet_file, "ROWS_PER_BLOCK", 50)
    with pytest.raises(NotTheSameAgain, match="0 of them only as sent and 0 only as made now"):
        again(sent)


REFUSED: dict[str, tuple[str, type[WarehouseError], str]] = {
    "a person was erased from it": (
        "with e as (insert into ledger.erasures (state, finished_at) values ('done', now()) returning erasure_id)"
        " insert into ledger.erased_deliveries (erasure_id, delivery_id, name, held, found)"
        f" select erasure_id, '{DELIVERY}', 'x', 'by the recipient', 'by dates' from e",
        ErasedSince,
        "held persons who were erased since",
    ),
    "a rule took values out of it": (
        "with c as (insert into ledger.rule_changes (table_name, column_name, file_sha256) values ('t', 'c', '')"
        " returning change_id)"
        " insert into ledger.rule_files (change_id, delivery_id, name, held, columns, old_sha256)"
        f" select change_id, '{DELIVERY}', 'x', 'here', '{{}}', '' from c",
        MadeOtherwise,
        "a rule of replication/trs.yml",
    ),
    "the models are others": (
        "update ledger.builds set project_sha256 = 'of then'",
        MadeOtherwise,
        "made by models that are not those of now",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_come_out_as_it_was_is_refused(what: str, sent: World) -> None:
    change, kind, said = REFUSED[what]
    with psycopg.connect(sent.conninfo) as connection:
        connection.execute(change.encode())
    with pytest.raises(kind, match=said) as caught:
        again(sent)
    assert type(caught.value) is kind
    assert "Nothing was made" in caught.value.meaning


def test_other_models_are_compared_when_a_person_says_so(sent: World) -> None:
    sent.query("update ledger.builds set project_sha256 = 'of then' returning 1")
    made = again(sent, other_models=True)
    assert made.same_bytes and not made.same_models
    with pytest.raises(NotTheSameAgain, match="It may be because the models are not those of then"):
        again(sent, other_models=True, change="delete from {table} where urn = 1")


def test_a_moment_before_history_is_refused(sent: World) -> None:
    with pytest.raises(BeforeHistory, match="knew nothing"):
        again(sent, reaches=datetime(2026, 11, 1, tzinfo=UTC))


def test_what_was_known_has_to_be_on_record(world: World) -> None:
    world.run()
    with pytest.raises(BeforeHistory, match="it is not on record what was known"):
        again(world)


def test_another_contract_is_refused(sent: World) -> None:
    other = document()
    other["version"] = "2.0.0"
    write_contract(sent.exports, other)
    with pytest.raises(MadeOtherwise, match=r"keeps version 1\.0\.0 of .*teachers\.odcs\.yaml"):
        again(sent)
    other = document()
    other["schema"][0]["properties"][1]["description"] = "Another meaning."
    path = write_contract(sent.exports, other)
    with pytest.raises(MadeOtherwise, match="says something else now"):
        again(sent)
    path.unlink()
    with pytest.raises(MadeOtherwise, match="No contract in exports/"):
        again(sent)


def test_only_what_was_delivered_can_be_made_again(world: World) -> None:
    with pytest.raises(UsageError, match="it is not in the ledger"):
        again(world)


def test_not_while_a_delivery_runs(sent: World) -> None:
    with (
        psycopg.connect(sent.conninfo, autocommit=True) as connection,
        session_lock(connection, Lock.deliver),
        pytest.raises(AlreadyRunning),
    ):
        again(sent)


@given(st.lists(st.integers(0, 5)), st.lists(st.integers(0, 5)))
def test_rows_are_counted_as_often_as_they_are_there(first: list[int], second: list[int]) -> None:
    left, right = collections.Counter(first), collections.Counter(second)
    found = compare_rows.only(sorted(first), sorted(second))
    assert found == ((left - right).total(), (right - left).total())
