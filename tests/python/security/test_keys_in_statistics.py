"""Keys of pseudonyms are in no statistics of the server: not where it keeps every statement, of any kind and depth."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from tests.python.conftest import FAST
from tests.python.deliver.delivering import OCTOBER, World
from tests.python.deliver.test_pseudonyms import NAME, pseudonymous, rows_of
from warehouse.core import keys
from warehouse.core.postgres import Cluster, find_binaries
from warehouse.core.progress import Silent
from warehouse.deliver import dry_run

pytestmark = pytest.mark.slow

LIBRARY = "pg_stat_statements.so"
REMEMBERS_ALL = {
    "shared_preload_libraries": "'pg_stat_statements'",
    "pg_stat_statements.track": "'all'",
    "pg_stat_statements.track_utility": "on",
    "pg_stat_statements.max": "20000",
    "track_activity_query_size": "'64kB'",
}


@pytest.fixture(scope="module")
def remembering(short_folder: Path) -> Iterator[str]:
    """A server that keeps the text of every statement, and a database of its own in it."""
    binaries = find_binaries()
    if not list(binaries.folder.parent.rglob(LIBRARY)):
        pytest.skip(f"this PostgreSQL comes without {LIBRARY}: that statistics hold no key is not tested")
    made = Cluster("remembering", short_folder / "remembering", binaries, {**FAST, **REMEMBERS_ALL})
    made.start()
    try:
        with psycopg.connect(made.conninfo("postgres"), autocommit=True) as administrator:
            administrator.execute("create database statistics")
        with psycopg.connect(made.conninfo("statistics"), autocommit=True) as administrator:
            administrator.execute("create extension pg_stat_statements")
        yield made.conninfo("statistics")
    finally:
        made.stop()


def statements(conninfo: str) -> str:
    """All that the server has of statements: those of every database and role, and what runs or ran last."""
    with psycopg.connect(conninfo) as connection:
        kept = connection.execute("select s::text, s.query from pg_stat_statements as s").fetchall()
        running = connection.execute("select a::text, a.query from pg_stat_activity as a").fetchall()
    return str([kept, running])


def spellings(key: bytes) -> dict[str, str]:
    """How a key may stand in a statement; PostgreSQL's binary text is in hexadecimal."""
    return {
        "in hexadecimal": key.hex(),
        "in capitals": key.hex().upper(),
        "in base 64": base64.b64encode(key).decode(),
        "as octets": "".join(f"\\{byte:03o}" for byte in key),
    }


def test_no_statement_that_makes_pseudonyms_has_a_key(remembering: str, tmp_path: Path) -> None:
    world = World(tmp_path, remembering)
    pseudonymous(world)
    seen: list[str] = []

    def look(step: str) -> None:
        if step in ("extracting", "built", "checked"):
            seen.append(statements(remembering))

    world.run(hook=look)
    dry_run(world.at(OCTOBER), Silent(), "dandi/teachers", check=lambda *_: None)
    assert len(seen) >= 3
    seen.append(statements(remembering))
    every = "\n".join(seen)
    # What the pseudonyms were made by is there, so a key in it would be seen.
    assert "current_setting(" in every and "warehouse.order_of_pseudonyms" in every and "set_config($1" in every
    names = [(NAME, 1), (keys.INSTALLATION, 1)]
    for name, version in names:
        path = keys.file_of(world.settings, name, version)
        secret = bytes.fromhex(path.read_text().strip())
        assert len(secret) >= 32
        for how, spelt in spellings(secret).items():
            assert spelt not in every, f"the key {name} {how}"
    key = keys.find(world.settings, NAME)
    assert key is not None and {row["trn"] for row in rows_of(world)} >= {key.digest("0000001")}
    assert key.digest("\0order of rows") not in every, "what rows are sorted by is made of the key"
    assert key.digest("0000001") not in every, "nor a pseudonym"


def test_a_key_in_a_setting_is_given_as_a_parameter_and_seen_by_nobody(remembering: str) -> None:
    """As macros/releases/keyed_pseudonym.sql asks of sessions that hold a key of their own."""
    secret = bytes(range(64, 96)).hex()
    with psycopg.connect(remembering) as holder:
        holder.execute("select set_config('warehouse.key', %s, false)", (secret,))
        assert holder.execute("select current_setting('warehouse.key')").fetchone() == (secret,)
        assert secret not in statements(remembering)


@pytest.mark.parametrize(
    "statement",
    [
        "copy (select sha256(decode({}, 'hex'))) to stdout",
        "do $$ begin perform {}; end $$",
        "create view {name} as select {} as k",
    ],
)
def test_a_key_that_is_written_into_a_statement_is_found(remembering: str, statement: str) -> None:
    """So that the tests above can fail: a literal of a utility statement is kept as it was written."""
    secret = bytes(len(statement) + place for place in range(32)).hex()
    written = sql.SQL(statement).format(sql.Literal(secret), name=sql.Identifier(f"v{len(statement)}"))
    with psycopg.connect(remembering, autocommit=True) as careless:
        if statement.startswith("copy"):
            with careless.cursor().copy(written) as copy:
                assert b"".join(bytes(piece) for piece in copy)
        else:
            careless.execute(written)
        found = statements(remembering)
    assert secret in found
