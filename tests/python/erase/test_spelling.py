"""Every spelling of an identifier is found, by PostgreSQL and by Python alike, and a neighbour of it never is."""

from __future__ import annotations

import re

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg import sql

from warehouse.core.databases import Databases
from warehouse.core.identifiers import NINO, PERSON_ID, TRN, plain_number
from warehouse.erase import Subject, spelling
from warehouse.erase.spelling import folded, loosely
from warehouse.erase.subject import Called

PERSON = "0b0f3c0e-9d1a-4a53-8f52-7f8f8a8f8a8f"
SUBJECT = Subject(
    {
        TRN: frozenset(["1234567", "0102486"]),
        NINO: frozenset(["qq123456c"]),
        PERSON_ID: frozenset([PERSON]),
        "email_address": frozenset(["a.b@example.org"]),
        "support_task_reference": frozenset(["trs-9567"]),
        "one_login_subject": frozenset(["urn:fdc:gov.uk:2022:Ab_".lower()]),
    }
)

FOUND = [
    "1234567",
    "see (1234567).",
    "1234567.330.1",
    "TRN1234567",
    "x1234567",
    "rp1234567 left",
    "ref1234567",
    "12/34567",
    "RP 12/34567",
    "12 / 34567",
    "12-34567",
    "12\u201334567",
    "123 4567",
    "1 2 3 4 5 6 7",
    "12\u00a034567",
    "1,1234567,2",
    '{"trn": 1234567}',
    '{"n": [1234567]}',
    '{"trn": 102486}',
    "TRN 102486",
    "Trn: 0102486",
    "QQ123456C",
    "qq 12 34 56 c",
    "QQ 12 34 56 C",
    "QQ\u00a012\u00a034\u00a056\u00a0C",
    "QQ-12-34-56-C",
    "QQ12.34.56.C",
    "NINO:QQ123456C",
    "NINOQQ123456C",
    "QQ 12 34 56",
    "A.B@EXAMPLE.ORG",
    "mailto:a.b%40example.org",
    "<a.b@example.org>.",
    PERSON.upper(),
    PERSON.replace("-", ""),
    f"urn:uuid:{PERSON}",
    "TRS-9567",
    "trs 9567",
    "URN:FDC:gov.uk:2022:ab_",
    "urn%3Afdc%3Agov.uk%3A2022%3AAb_",
]
NOT_FOUND = [
    "91234567",
    "12345678",
    "1234568",
    "0.1234567",
    "2026-11-28T10:00:00.1234567Z",
    "1161 123 4567 89",
    "01 234567",
    "1/23/4567/8",
    "1/23/4567",
    "12/34567/8",
    "0123-4567",
    "aaaaaaaa-1234-567a-8f52-7f8f8a8f8a8f",
    "aaaaaaaa-9d1a-4a53-8f52-1234567aaaaa",
    "sha256:" + "1234567a" * 8,
    "axb@example.org",
    "c.a.b@example.org",
    "xa.b@example.org",
    "a.b@example.org.example",
    "QQ123457C",
    "QQ12345678",
    "1QQ123456C",
    "TRS-95671",
    "XTRS-9567",
    PERSON + "0",
    "TRN 1024860",
]
_SEPARATORS = st.sampled_from([" ", "\u00a0", "\u202f", "\t"])


@pytest.mark.parametrize("text", FOUND)
def test_it_is_found(text: str) -> None:
    assert SUBJECT.finder.search(text)
    # What looks through a column of a file first may find more, never less.
    assert re.search(loosely(SUBJECT.words) or "", text, re.I)


@pytest.mark.parametrize("text", NOT_FOUND)
def test_a_neighbour_is_not(text: str) -> None:
    assert not SUBJECT.finder.search(text)


@pytest.mark.slow
def test_postgresql_finds_the_same(databases: Databases) -> None:
    query = """
        select t, coalesce(
            t ~* %(words)s::text
            or (
                (t ~* %(numbers)s::text or t ~* %(sure_numbers)s::text)
                and regexp_replace(t, %(digests)s::text, '', 'gi') ~* concat_ws('|', %(numbers)s, %(sure_numbers)s)
            ), false), {plain} like any(%(cores)s::text[]), {plain}
        from unnest(%(texts)s::text[]) as x (t)
    """
    asked = sql.SQL(query).format(plain=sql.SQL(spelling.PLAIN).format(sql.SQL("t")))
    with psycopg.connect(databases.warehouse_conninfo) as connection:
        rows = connection.execute(asked, {**SUBJECT.parameters, "texts": [*FOUND, *NOT_FOUND]}).fetchall()
    assert {text for text, found, _, _ in rows if found} == set(FOUND)
    # What is asked first may find more, never less; and it leaves out what is about somebody else altogether.
    assert {text for text, _, perhaps, _ in rows if perhaps} >= set(FOUND)
    assert {"1234568", "QQ123457C", "c.d@example.org"}.isdisjoint(text for text, _, perhaps, _ in rows if perhaps)
    assert all(plain == spelling.plain(text) for text, _, _, plain in rows)


IDENTIFIERS = st.one_of(
    st.from_regex(r"\A[0-9]{7}\Z"),
    st.from_regex(r"\A[a-z]{2}[0-9]{6}[a-d]\Z"),
    st.from_regex(r"\A[0-9]{2}[a-z][0-9]{5}\Z"),
    st.uuids().map(str),
    st.from_regex(r"\A[a-z0-9._+%-]{1,9}@[a-z0-9-]{1,9}(\.[a-z]{2,3}){1,2}\Z"),
    st.from_regex(r"\A[a-z]{2,5}-[0-9]{1,6}\Z"),
    st.text(min_size=1, max_size=12).map(str.lower).filter(str.strip),
)


@given(IDENTIFIERS, st.data(), st.text(alphabet="x 0.", max_size=3))
def test_the_core_of_an_identifier_is_in_every_text_that_spells_it(value: str, data: st.DataObject, word: str) -> None:
    body = spelling.loosely([value])
    assert body is not None
    text = word + data.draw(st.from_regex(re.compile(body)))
    assert any(follow(pieces, spelling.plain(text)) for pieces in spelling.cores([value])), (value, text)


def follow(pieces: list[str], text: str) -> bool:
    """Whether pieces stand in a text, one after the other."""
    return re.search(".*".join(map(re.escape, pieces)), text, re.S) is not None


_ALIKE = {"s": "\u017f", "k": "\u212a", "i": "\u0130", "I": "\u0131"}
"""Letters beyond ASCII that Python's expressions take for one of it when they ignore case."""


@given(st.lists(st.sampled_from([*FOUND, *NOT_FOUND, " ", "\u00e9"]), max_size=4), st.data())
def test_what_is_asked_first_of_a_text_hides_nothing(pieces: list[str], data: st.DataObject) -> None:
    text = "".join(pieces)
    for place in data.draw(st.lists(st.integers(0, len(text)), max_size=6)):
        letter = text[place : place + 1]
        instead = data.draw(st.sampled_from([letter.upper(), letter.lower(), _ALIKE.get(letter.lower(), letter)]))
        text = text[:place] + instead + text[place + 1 :]
    assert SUBJECT.finder.search(text) == SUBJECT.finder._search(text)


@given(st.text(min_size=1, max_size=12).filter(str.strip), st.data())
def test_the_core_of_a_name_is_in_every_text_that_has_it(name: str, data: st.DataObject) -> None:
    expression = spelling.names([name])
    assert expression is not None
    text = data.draw(st.from_regex(re.compile(expression, re.I)))
    called = Called(first=frozenset([name]), last=frozenset([name]))
    assert Subject({}, called=called).finder.names(text), (name, text)
    ascii_text = data.draw(st.from_regex(re.compile(expression)))
    ((core,),) = spelling.name_cores([name])
    assert core in "".join(one.lower() if one.isascii() else one for one in ascii_text), (name, ascii_text)


@given(st.from_regex(r"\A[0-9]{7}\Z"), st.lists(_SEPARATORS, min_size=6, max_size=6), st.text(max_size=5))
def test_any_trn_is_found_however_it_is_spaced(trn: str, blanks: list[str], word: str) -> None:
    find = Subject({TRN: frozenset([trn])}).finder
    before = re.sub(r"[\d./\-\u2010-\u2212\s]", "", word)
    for spelled in (trn, f"{trn[:2]}/{trn[2:]}", "".join(a + b for a, b in zip(trn, [*blanks, ""], strict=True))):
        assert find.search(f"{before}{spelled}"), spelled
        assert find.search(f"about {spelled}, and")
        assert not find.search(f"9{spelled}")
        assert not find.search(f"{spelled}9")
    assert plain_number(f"TRN {trn[:2]}/{trn[2:]}") == trn


@given(
    st.from_regex(r"\A[a-z]{2}[0-9]{6}[a-d]\Z"),
    st.lists(st.sampled_from(["", " ", "\u00a0", "-", "/", "."]), min_size=8, max_size=8),
)
@settings(max_examples=50)
def test_any_national_insurance_number_is_found(nino: str, parts: list[str]) -> None:
    find = Subject({NINO: frozenset([nino])}).finder
    spelled = "".join(a + b for a, b in zip(nino, [*parts, ""], strict=True))
    for text in (spelled, spelled.upper(), f"no.{spelled};"):
        assert find.search(text)
    assert plain_number(spelled) == nino


def test_a_name_is_folded() -> None:
    assert folded("Zéphyrine  O\u2019Quill-Feather") == "zephyrine o quill feather"
