"""Who was in which delivery: the index is right for everybody, names nobody, and is searched without reading a file."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.python.deliver.delivering import World
from tests.python.deliver.test_pseudonyms import pseudonymous
from tests.python.deliver.world import OCTOBER, document, write_contract
from warehouse.core import delivered_people, keys
from warehouse.core.delivered_people import BLOCK, Builder, packed
from warehouse.core.errors import DeliveriesNotSearched, KeyUnusable, UsageError
from warehouse.core.identifiers import NINO, PERSON_ID, TRN, Identifier, kind_of_column, of_kind, read
from warehouse.core.keys import Key
from warehouse.core.ledger import migrate
from warehouse.core.postgres import Cluster
from warehouse.core.progress import Silent
from warehouse.deliver import redo
from warehouse.deliver.find_person import AS_GIVEN, MOST_LINES, NOT_INDEXED, OTHERWISE, Answer, find_person, read_lines

KEY = Key("installation", 1, "a test", b"0123456789abcdef0123456789abcdef")
PERSON, MERGED, FURTHER = (str(uuid.UUID(int=number, version=4)) for number in (1, 2, 3))


def trn(number: int) -> Identifier:
    return Identifier(TRN, f"{number:07}")


@pytest.fixture(scope="module")
def ledger(cluster: Cluster) -> Iterator[psycopg.Connection]:
    """A ledger in which one delivery is planned after the other."""
    cluster.create_database("of_people")
    with psycopg.connect(cluster.conninfo("of_people"), autocommit=True) as connection:
        migrate(connection)
        yield connection


def planned(connection: psycopg.Connection, number: int) -> str:
    """A delivery of a year."""
    delivery = f"dandi/teachers/20{number:02}-01"
    connection.execute(
        "insert into ledger.deliveries (delivery_id, recipient, extract, period, state, contract_version,"
        " contract_sha256, model) values (%s, 'dandi', 'teachers', %s, 'planned', '1.0.0', '', 'm')",
        (delivery, delivery.rsplit("/", maxsplit=1)[-1]),
    )
    return delivery


# -- the index ------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@settings(max_examples=25)
@given(st.lists(st.sets(st.integers(0, 60), max_size=40), min_size=1, max_size=4), st.integers(1, 4))
def test_everybody_is_found_where_they_were_and_nowhere_else(
    ledger: psycopg.Connection, deliveries: list[set[int]], batches: int
) -> None:
    with ledger.transaction(force_rollback=True):
        names = [planned(ledger, number) for number in range(len(deliveries))]
        for name, people in zip(names, deliveries, strict=True):
            builder = Builder(ledger, KEY)
            for part in range(batches):
                builder.add(trn(person) for person in people if person % batches == part)
            assert builder.identifiers == len(people)
            builder.keep(name, 1, [TRN])
        for person in range(62):
            found = delivered_people.search(ledger, [delivered_people.digest(KEY, trn(person))])
            expected = [name for name, people in zip(names, deliveries, strict=True) if person in people]
            assert sorted(delivery for _, delivery, _ in found) == expected
        # The numbers are as many as the people: one who is delivered again keeps theirs.
        (given_,) = ledger.execute("select count(*) from ledger.delivered_identifiers").fetchall()
        assert given_ == (len(set().union(*deliveries)),)


@given(st.sets(st.integers(0, BLOCK - 1)))
def test_a_block_is_kept_in_the_shorter_form(places: set[int]) -> None:
    bits = bytearray(BLOCK // 8)
    for place in places:
        bits[place >> 3] |= 1 << (place & 7)
    whole, few = packed(bits)
    assert (whole is None) != (few is None)
    assert few == sorted(places) if few is not None else whole == bytes(bits)
    assert few is None or len(few) < BLOCK // 16


@pytest.mark.slow
def test_both_forms_of_a_block_are_searched(ledger: psycopg.Connection) -> None:
    """Numbers beyond the first block, in a delivery of everybody and in one of a few."""
    with ledger.transaction(force_rollback=True):
        everybody = [trn(number) for number in range(BLOCK + 100) if number != 4001]
        whole, few = planned(ledger, 1), planned(ledger, 2)
        for name, people in ((whole, everybody), (few, [trn(number) for number in (0, 4000, 4001, 8000)])):
            builder = Builder(ledger, KEY)
            builder.add(people)
            builder.keep(name, 1, [TRN])
        forms = ledger.execute("select distinct delivery_id, bits is null from ledger.delivered_people").fetchall()
        assert (few, True) in forms and (whole, False) in forms
        for number in (0, 3999, 4000, 4001, 8000, BLOCK + 99):
            found = delivered_people.search(ledger, [delivered_people.digest(KEY, trn(number))])
            assert {name for _, name, _ in found} == {0: {whole, few}, 1: {few}}.get(number % 4000, {whole})


@pytest.mark.slow
def test_who_is_forgotten_is_found_nowhere_and_others_still_are(ledger: psycopg.Connection) -> None:
    with ledger.transaction(force_rollback=True):
        builder = Builder(ledger, KEY)
        builder.add([trn(1), trn(2)])
        builder.keep(planned(ledger, 1), 1, [TRN])
        gone, stays = (delivered_people.digest(KEY, trn(number)) for number in (1, 2))
        assert delivered_people.forget(ledger, [gone]) == 1
        assert [one for one, _, _ in delivered_people.search(ledger, [gone, stays])] == [stays]
        # If they come back, no delivery of before is theirs: their number is never given again.
        again = Builder(ledger, KEY)
        again.add([trn(1)])
        later = planned(ledger, 2)
        again.keep(later, 1, [TRN])
        assert [name for _, name, _ in delivered_people.search(ledger, [gone])] == [later]


# -- what is an identifier ------------------------------------------------------------------------------------------


@given(st.from_regex(r"\A[0-9]{7}\Z"), st.sampled_from(["{}", " {} ", "TRN{}", "RP {}"]))
def test_a_trn_however_it_is_typed(number: str, form: str) -> None:
    assert read(form.format(number)) == of_kind(TRN, number) == Identifier(TRN, number)


@given(st.uuids(), st.booleans())
def test_an_id_in_either_case(person: uuid.UUID, upper: bool) -> None:
    text = str(person).upper() if upper else str(person)
    assert read(f" {text}") == of_kind(PERSON_ID, text) == Identifier(PERSON_ID, str(person))


def test_a_national_insurance_number_with_and_without_its_last_letter() -> None:
    assert read("qq 12 34 56 c") == read("QQ123456") == of_kind(NINO, "QQ123456C") == Identifier(NINO, "qq123456")


@pytest.mark.parametrize("text", ["", "123456", "12345678", "Lovelace", "QQ12345", "1234567 7654321"])
def test_what_is_none(text: str) -> None:
    assert read(text) is None


def test_columns_by_their_names() -> None:
    kinds = {"person_id": PERSON_ID, "live_person_id": PERSON_ID, "live_trn": TRN, "nino": NINO}
    for name, kind in kinds.items():
        assert kind_of_column(name) == kind
    for name in ("trns", "person_id_count", "strn", "last_name"):
        assert kind_of_column(name) is None


# -- in deliveries --------------------------------------------------------------------------------------------------


def asked(world: World, *lines: str) -> Answer:
    with psycopg.connect(world.conninfo, autocommit=True) as connection:
        return find_person(connection, world.settings, dict(enumerate(lines, 1)))


def found(answer: Answer) -> list[tuple[int, str, str]]:
    return [(one.line, one.sent.delivery_id, one.through) for one in answer.held]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_a_person_is_found_in_what_was_sent(world: World, kind: str) -> None:
    world.contract(kind=kind)
    world.run()
    redo(world.at(OCTOBER), Silent(), "dandi/teachers/2026-09", "asked for", check=lambda *_: None)
    both = ["dandi/teachers/2026-09", "dandi/teachers/2026-09-r2"]
    answer = asked(world, "0000007", "9999999", "TRN 0000200")
    assert found(answer) == [(line, name, AS_GIVEN) for line in (1, 3) for name in both]
    assert (answer.lines, answer.searched, answer.not_searched, answer.error()) == (3, 2, [], None)
    told = answer.held[1].as_dict()
    assert (told["recipient"], told["period"], told["revision"], told["state"]) == ("dandi", "2026-09", 2, "closed")
    assert told["destination"] == str(world.home / "deliveries") and told["sent_at"] is not None


@pytest.mark.slow
def test_nobody_can_be_read_from_the_index(world: World) -> None:
    world.run()
    dump = "".join(
        str(row)
        for table in ("delivered_identifiers", "delivered_people", "delivery_indexes")
        for row in world.query(f"select t::text from ledger.{table} as t")
    )
    assert "0000007" not in dump and "0000200" not in dump
    # Neither is it a hash that whoever has the ten million TRNs can try out.
    digests = {row[0] for row in world.query("select digest from ledger.delivered_identifiers")}
    assert len(digests) == 200
    assert not digests & {delivered_people.digest(KEY, trn(number)) for number in range(1, 201)}
    key = keys.find(world.settings, keys.INSTALLATION)
    assert key is not None
    assert digests == {delivered_people.digest(key, trn(number)) for number in range(1, 201)}


@pytest.mark.slow
def test_a_person_is_found_behind_a_pseudonym_as_long_as_its_key_is_there(world: World) -> None:
    pseudonymous(world)
    world.run()
    assert found(asked(world, "0000007")) == [(1, "dandi/teachers/2026-09", AS_GIVEN)]
    assert found(asked(world, "9999999")) == []
    (unknown,) = asked(world, PERSON).not_searched
    assert (unknown.lines, unknown.why) == ((1,), "its files have people by trn alone")
    keys.file_of(world.settings, "dandi.statistics").unlink()
    answer = asked(world, "0000007")
    assert (found(answer), answer.searched) == ([], 0)
    (missing,) = answer.not_searched
    assert missing.why == "the key of its pseudonyms, dandi.statistics version 1, is gone"
    assert isinstance(answer.error(), DeliveriesNotSearched)


def made_known(world: World) -> None:
    """Three records of one person, of which one was delivered by its TRN; and a version of before."""
    with psycopg.connect(world.conninfo, autocommit=True) as connection:
        connection.execute("create schema versions")
        connection.execute(
            "create table versions.persons (person_id uuid, trn text, national_insurance_number text,"
            " merged_with_person_id uuid, to_xid xid8)"
        )
        connection.cursor().executemany(
            "insert into versions.persons values (%s, %s, %s, %s, %s)",
            [
                (PERSON, "9000001", "QQ123456C", None, None),
                (MERGED, "0000007", None, PERSON, None),
                (FURTHER, "9000003", None, MERGED, None),
                # They were taken for the same once.
                (uuid.UUID(int=9, version=4), "9000009", None, PERSON, "5"),
                (uuid.UUID(int=9, version=4), "9000009", None, None, None),
            ],
        )


@pytest.mark.slow
@pytest.mark.parametrize("given_", [PERSON, MERGED, FURTHER, "9000001", "9000003", "qq 12 34 56", "0000007"])
def test_a_person_is_found_by_the_records_that_were_merged(world: World, given_: str) -> None:
    world.run()
    made_known(world)
    answer = asked(world, given_)
    expected = AS_GIVEN if given_ == "0000007" else OTHERWISE
    assert found(answer) == [(1, "dandi/teachers/2026-09", expected)]
    assert answer.error() is None
    assert found(asked(world, "9000009")) == []


@pytest.mark.slow
def test_a_delivery_that_cannot_be_searched_is_never_silent(world: World) -> None:
    """Sent before there was an index, without the key, without a column of people, or by another identifier."""
    world.run()
    # Nobody knows the TRN of this id, and the files have TRNs alone.
    answer = asked(world, "0000007", PERSON)
    assert [(one.lines, one.why) for one in answer.not_searched] == [((2,), "its files have people by trn alone")]
    assert answer.error() is not None and answer.searched == 1

    with psycopg.connect(world.conninfo, autocommit=True) as connection:
        connection.execute("truncate ledger.delivery_indexes, ledger.delivered_people")
    answer = asked(world, "0000007")
    assert [one.why for one in answer.not_searched] == [NOT_INDEXED]
    error = answer.error()
    assert error is not None and error.exit_code == 90 and "0000007" not in str(error.as_dict())

    file = keys.file_of(world.settings, keys.INSTALLATION)
    kept = file.with_name("kept")
    shutil.move(file, kept)
    redo(world.at(OCTOBER), Silent(), "dandi/teachers/2026-09", "asked for", check=lambda *_: None)
    with pytest.raises(KeyUnusable):
        asked(world, "0000007")
    shutil.move(kept, file)
    whys = {one.delivery_id: one.why for one in asked(world, "0000007").not_searched}
    assert "key was missing" in whys["dandi/teachers/2026-09-r2"]


@pytest.mark.slow
def test_figures_about_nobody_are_no_gap(world: World) -> None:
    given_: dict[str, Any] = document(sortKey=["last_name", "urn"])
    del given_["schema"][0]["properties"][0]
    given_["schema"][0]["properties"][1] |= {"name": "born"}
    given_["schema"][0]["properties"][3] |= {"primaryKey": True}
    write_contract(world.exports, given_)
    world.run()
    answer = asked(world, "0000007")
    assert [one.why for one in answer.not_searched] == ["no column of its files says whose a row is"]
    assert (answer.error(), answer.searched) == (None, 0)


@pytest.mark.slow
def test_what_was_sent_and_never_closed_counts_and_what_was_not_sent_does_not(world: World) -> None:
    class Stop(Exception):
        pass

    def at(step: str) -> Any:
        def hook(reached: str) -> None:
            if reached == step:
                raise Stop

        return hook

    with pytest.raises(Stop):
        world.run(hook=at("sending"))
    assert asked(world, "0000007").held == []
    with pytest.raises(Stop):
        world.run(hook=at("uploaded"), built=False)
    ((_, delivery, _),) = found(asked(world, "0000007"))
    assert (delivery, world.state()) == ("dandi/teachers/2026-09", "failed")
    with psycopg.connect(world.conninfo, autocommit=True) as connection, connection.transaction(force_rollback=True):
        # As if it had been taken away again.
        connection.execute("update ledger.delivery_files set removed_at = now()")
        assert find_person(connection, world.settings, {1: "0000007"}).held == []
    world.run(built=False)
    assert [one.sent.state for one in asked(world, "0000007").held] == ["closed"]


def test_too_many_at_once_are_refused() -> None:
    with pytest.raises(UsageError, match="1,001 persons were given"):
        read_lines(dict.fromkeys(range(MOST_LINES + 1), "1234567"))
    assert len(read_lines(dict.fromkeys(range(MOST_LINES), "1234567"))) == MOST_LINES


def test_a_line_without_an_identifier_is_named_by_its_number() -> None:
    with pytest.raises(UsageError, match=r"in line 2, 4\.") as refused:
        find_person(None, None, {1: "1234567", 2: "Lovelace", 4: "765432"})  # type: ignore[arg-type]
    assert "Lovelace" not in str(refused.value.as_dict()) and "765432" not in str(refused.value.as_dict())
