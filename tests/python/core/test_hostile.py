"""One list of hostile characters, in every language that looks for them."""

from __future__ import annotations

import json
import sys

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from tests.python.conftest import FreshDatabases
from warehouse.core import hostile

HARMLESS = "Zoë O’Brien-Łukasz ‌فارسی‍ 李 👩‍🏫 {a: [b]} \\ ~\u00a0"

HOSTILE = {
    "\x1b]52;c;QQ==\x07": r"\x1b]52;c;QQ==\x07",
    "two\nlines\r\tand a tab": r"two\nlines\r\tand a tab",
    "\x9b2J\x7f\x00": r"\x9b2J\x7f\x00",
    "evil\u202egpj": r"evil\u202egpj",
    "a\u200bb\ufeff\u2028": r"a\u200bb\ufeff\u2028",
    "tag\U000e0041": r"tag\U000e0041",
    "\udcff": r"\udcff",
}


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_character_is_shown_as_an_escape(text: str) -> None:
    assert hostile.visible(text) == HOSTILE[text]
    assert hostile.visible(hostile.visible(text)) == HOSTILE[text]


def test_what_people_write_stays() -> None:
    assert hostile.visible(HARMLESS) == HARMLESS
    assert hostile.visible("a\nb\x1b", keep="\n") == "a\nb\\x1b"
    assert hostile.kinds(HARMLESS) == {}


def test_kinds_are_counted() -> None:
    assert hostile.kinds("\x1b\x1b\u202e\u200b\u2028") == {"control": 2, "bidi": 1, "invisible": 1, "line break": 1}


def test_a_json_document_says_the_same() -> None:
    value = {"".join(HOSTILE) + HARMLESS: ["".join(HOSTILE), HARMLESS]}
    document = hostile.in_json(json.dumps(value, ensure_ascii=False, indent=2))
    assert hostile.ANY.sub("", document) == "".join(document.split("\n")), "but for the breaks between values"
    assert json.loads(document) == value


def test_the_class_finds_the_same_characters_in_arrow_and_postgresql(databases: FreshDatabases) -> None:
    characters = [chr(point) for point in range(1, sys.maxunicode + 1) if not 0xD800 <= point <= 0xDFFF]
    wanted = [character for character in characters if hostile.ANY.match(character)]
    kinds = [kind for kind in hostile.KINDS if kind != "surrogate"]
    found = pc.match_substring_regex(pa.array(characters), hostile.character_class(*kinds))
    assert [one for one, hit in zip(characters, found.to_pylist(), strict=True) if hit] == wanted
    with databases.warehouse() as connection:
        rows = connection.execute(
            "select c from unnest(%s::text[]) as u (c) where c ~ %s",
            (characters, hostile.character_class(*kinds, without="\0")),
        ).fetchall()
    assert [one for (one,) in rows] == wanted


def test_a_class_without_some() -> None:
    assert hostile.character_class("control", without="\t\n") == "[\x00-\x08\x0b-\x1f\x7f-\x9f]"
    with pytest.raises(KeyError):
        hostile.character_class("nonsense")
