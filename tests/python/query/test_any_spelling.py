"""However a query is spelled, it is the same query; and no text in quotation marks is ever changed."""

from __future__ import annotations

import re
from collections import Counter

import sqlglot
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlglot import exp

from tests.python.query.old import sql_of, translated

_NAMES = ("dbo", "contact", "c", "id", "lastname", "birthdate", "q", "dfeta_trn")
_QUERY = (
    "WITH {q} AS (SELECT {c}.{id}, {c}.{lastname} FROM {dbo}.{contact} AS {c} WHERE {c}.{birthdate} > '2000-01-01') "
    "SELECT {q}.{id} AS k FROM {q} JOIN {contact} AS {c} ON {c}.{id} = {q}.{id} WHERE {c}.{dfeta_trn} = '1234567'"
)


@st.composite
def spelled(draw: st.DrawFn, name: str) -> str:
    """A name in any mixture of letters, bare, in brackets or in quotation marks."""
    letters = "".join(draw(st.sampled_from((letter, letter.upper()))) for letter in name)
    return draw(st.sampled_from((letters, f"[{letters}]", f'"{letters}"')))


@st.composite
def query(draw: st.DrawFn) -> str:
    # Each place has a spelling of its own.
    return re.sub(r"\{(\w+)\}", lambda found: draw(spelled(found[1])), _QUERY)


@settings(max_examples=25)
@given(query())
def test_the_spelling_of_names_changes_nothing(text: str) -> None:
    assert sql_of(text) == sql_of(re.sub(r"[{}]", "", _QUERY))


_TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=30)


@settings(max_examples=60)
@given(st.lists(_TEXTS, min_size=1, max_size=5))
def test_no_text_is_changed(texts: list[str]) -> None:
    written = ["'" + one.replace("'", "''") + "'" for one in texts]
    values = ", ".join(f"{'N' * (number % 2)}{one} AS v{number}" for number, one in enumerate(written))
    conditions = " OR ".join(f"lastname = {one} OR firstname + {one} IN ({one}, lastname)" for one in written)
    made = translated(f"SELECT {values} FROM contact WHERE {conditions}").sql
    found = Counter(str(one.this) for one in sqlglot.parse_one(made, dialect="postgres").find_all(exp.Literal))
    assert found == Counter(texts * 4)
    # As PostgreSQL itself reads them: a quotation mark is doubled, and nothing else is special.
    read = Counter(one[1:-1].replace("''", "'") for one in re.findall(r"'(?:[^']|'')*'", made))
    assert read == found
