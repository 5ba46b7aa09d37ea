"""The glossary has each term of the project, says where it lives, and what it names is there."""

from __future__ import annotations

import re

import pytest

from docs.reference import FOLDER
from warehouse.core.settings import PROJECT

GLOSSARY = FOLDER / "glossary.md"
TERMS = {
    heading: " ".join(body.split())
    for heading, body in re.findall(r"^## (.+)\n\n((?:.+\n)+)", GLOSSARY.read_text(encoding="utf-8"), re.M)
}

NEEDED = """
as at, back-fill, build, class, comparison, conflict, contract, delivery, destination, difference, doubt, drift, epoch,
extract, field dictionary, first copy, gap, grain, history, known at, ledger, log, look, manifest, mart, proof,
publication, receipt, recipient, reconcile, release, repair, replica, revision, run, sandbox, seal, settle, slot,
snapshot, source, staging, stream, subscription, version, vintage, WAL, warehouse
"""


def test_every_term_is_there_and_in_order() -> None:
    assert {term.strip() for term in NEEDED.split(",")} <= TERMS.keys()
    assert list(TERMS) == sorted(TERMS, key=str.lower)


@pytest.mark.parametrize("term", TERMS)
def test_a_term_has_a_plain_sentence_or_two_and_a_place(term: str) -> None:
    meaning, where, place = TERMS[term].partition("*Where:*")
    assert where and place.strip(), f"{term}: where is it seen?"
    sentences = re.split(r"(?<=[.?:]) (?=[A-Z])", re.sub(r"^Two uses\. ", "", meaning.strip()))
    assert 1 <= len(sentences) <= 3, f"{term}: a glossary explains in a sentence or two, the guides say the rest"


@pytest.mark.parametrize("term", TERMS)
def test_the_tables_and_folders_that_a_term_names_are_there(term: str) -> None:
    schema = "".join(
        file.read_text(encoding="utf-8") for file in (PROJECT / "warehouse/core/ledger/migrations").glob("*.sql")
    )
    for table in re.findall(r"`ledger\.(\w+)(?:\.\w+)?`", TERMS[term]):
        assert re.search(rf"create table (if not exists )?ledger\.{table}\b", schema), table
    for table in re.findall(r"`marts\.(\w+)`", TERMS[term]):
        assert list((PROJECT / "models" / "marts").rglob(f"{table}.sql")), table
    for path in re.findall(r"`((?:models|exports|replication|sandbox|seeds)/[\w/.]*)", TERMS[term]):
        assert (PROJECT / path).exists(), path
