"""A key for pseudonyms is long, random and closed to others, and the warehouse notices another one."""

from __future__ import annotations

import hashlib
import hmac
import os
import stat
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr

from tests.python.conftest import WorldDatabases
from warehouse.core import keys, variables
from warehouse.core.errors import KeyUnusable
from warehouse.core.settings import Settings

GOOD = bytes(range(32)).hex()
NAME = "dandi.statistics"


def settings_of(home: Path, **values: object) -> Settings:
    return Settings(_env_file=None, warehouse_home=home, **values)  # type: ignore[arg-type, call-arg]


def put(settings: Settings, content: str, mode: int = 0o600) -> Path:
    path = keys.file_of(settings, NAME)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    path.chmod(mode)
    return path


@pytest.mark.parametrize("case", [1, 2, 3, 4, 6, 7])
def test_digests_are_those_of_rfc_4231(case: int) -> None:
    """The inputs of the RFC's cases (of case 5 it gives half the digest); hmac.new is the other implementation."""
    key, data, starts = {
        1: (b"\x0b" * 20, b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b"),
        2: (b"Jefe", b"what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c7"),
        3: (b"\xaa" * 20, b"\xdd" * 50, "773ea91e36800e46854db8ebd09181a7"),
        4: (bytes(range(1, 26)), b"\xcd" * 50, "82558a389a443c0ea4cc819899f2083a"),
        6: (
            b"\xaa" * 131,
            b"Test Using Larger Than Block-Size Key - Hash Key First",
            "60e431591ee0b67f0d8a26aacbf5b77f",
        ),
        7: (
            b"\xaa" * 131,
            b"This is a test using a larger than block-size key and a larger than block-size data. "
            b"The key needs to be hashed before being used by the HMAC algorithm.",
            "9b09ffa71b942fcb27635fbcd5b0e944",
        ),
    }[case]
    expected = hmac.new(key, data, hashlib.sha256).hexdigest()
    assert expected.startswith(starts)
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return
    assert keys.Key("k", 1, "here", key).digest(text) == expected


def test_a_key_comes_from_its_variable_or_else_from_its_file(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    assert keys.find(settings, NAME) is None
    put(settings, GOOD + "\n")
    of_file = keys.find(settings, NAME)
    assert of_file is not None
    assert of_file.where.endswith("keys/dandi.statistics.v1.key")
    other = bytes(range(32, 64)).hex()
    variable = variables.key_of(NAME, 1)
    assert variable == "WAREHOUSE_KEY_DANDI_STATISTICS_V1"
    of_variable = keys.find(settings_of(tmp_path, keys={variable: SecretStr(other)}), NAME)
    assert of_variable is not None
    assert of_variable.where == variable
    assert of_variable.fingerprint != of_file.fingerprint
    for shown in (repr(of_file), str(of_variable), repr(settings_of(tmp_path, keys={variable: SecretStr(other)}))):
        assert GOOD not in shown
        assert other not in shown


@pytest.mark.parametrize(
    ("content", "mode", "words"),
    [
        ("", 0o600, "is not in hexadecimal"),
        ("swordfish", 0o600, "is not in hexadecimal"),
        (GOOD[:62], 0o600, "is 31 bytes long"),
        ("00" * 32, 0o600, "is not random"),
        (GOOD, 0o640, "can be read by other users (mode 0640)"),
        (GOOD, 0o604, "can be read by other users (mode 0604)"),
    ],
)
def test_a_key_that_is_not_one_is_refused(content: str, mode: int, words: str, tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    put(settings, content, mode)
    with pytest.raises(KeyUnusable) as caught:
        keys.find(settings, NAME)
    assert words in caught.value.what
    assert "dandi.statistics.v1.key" in caught.value.what
    assert caught.value.exit_code == 73
    if len(content) > 10:
        assert content[:10] not in str(vars(caught.value))


@pytest.mark.parametrize("make", [lambda path, other: path.symlink_to(other), lambda path, _: os.mkfifo(path, 0o600)])
def test_a_link_or_a_pipe_in_the_place_of_a_key_is_refused(make: Callable[[Path, Path], None], tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    path = put(settings, GOOD)
    other = path.rename(tmp_path / "other")
    make(path, other)
    with pytest.raises(KeyUnusable, match=r"plain file|cannot be opened"):
        keys.find(settings, NAME)


def test_a_key_that_is_made_is_random_and_closed_and_never_replaced(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    before = os.umask(0)
    try:
        made = keys.create(settings, NAME)
    finally:
        os.umask(before)
    path = keys.file_of(settings, NAME)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert keys.create(settings, NAME).fingerprint == made.fingerprint
    assert keys.create(settings, NAME, 2).fingerprint != made.fingerprint
    assert sorted(one.name for one in path.parent.iterdir()) == [f"{NAME}.v1.key", f"{NAME}.v2.key"]


@pytest.fixture
def warehouse(databases: WorldDatabases) -> psycopg.Connection:
    connection = databases.warehouse()
    databases.migrate(connection)
    return connection


def test_another_key_under_the_same_version_is_refused(warehouse: psycopg.Connection, tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    first = keys.use(warehouse, settings, NAME, make=True)
    assert keys.use(warehouse, settings, NAME).fingerprint == first.fingerprint
    put(settings, GOOD)
    with pytest.raises(KeyUnusable, match="is another than the one that was used") as caught:
        keys.use(warehouse, settings, NAME)
    assert "next version" in caught.value.next_command
    assert keys.use(warehouse, settings, NAME, 2, make=True).fingerprint != first.fingerprint


def test_a_key_that_was_used_and_is_gone_is_not_made_again(warehouse: psycopg.Connection, tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    with pytest.raises(KeyUnusable, match="There is no key") as caught:
        keys.use(warehouse, settings, NAME)
    assert "warehouse keys make" in caught.value.next_command
    keys.installation(warehouse, settings)
    keys.file_of(settings, keys.INSTALLATION).unlink()
    with pytest.raises(KeyUnusable, match="There is no key installation, version 1") as caught:
        keys.installation(warehouse, settings)
    assert "Restore" in caught.value.next_command


def test_the_ledger_holds_no_key(warehouse: psycopg.Connection, tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    key = keys.use(warehouse, settings, NAME, make=True)
    secret = keys.file_of(settings, NAME).read_text().strip()
    rows = warehouse.execute("select k::text from ledger.keys as k").fetchall()
    assert rows
    assert key.fingerprint in str(rows)
    assert secret not in str(rows)
