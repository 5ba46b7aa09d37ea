"""The macro and the Python function give the same bytes: in PostgreSQL, and on BigQuery's reference engine."""

from __future__ import annotations

from pathlib import Path

import pytest
from dbt.cli.main import dbtRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.python.conftest import FreshDatabases
from tests.python.dbt import reading
from tests.python.dbt.conftest import PROFILE, PROJECT
from tests.python.dbt.googlesql.engine import Engine
from warehouse.core.keys import Key

pytestmark = pytest.mark.slow

SETTING = "decode(current_setting('warehouse.key'), 'hex')"

# Keys and texts of RFC 4231, as far as its texts are UTF-8; the digests are in test_keys.py.
VECTORS = [
    (b"\x0b" * 20, "Hi There"),
    (b"Jefe", "what do ya want for nothing?"),
    (b"\xaa" * 131, "Test Using Larger Than Block-Size Key - Hash Key First"),
    (b"\xaa" * 131, "This is a test using a larger than block-size key and a larger than block-size data."),
    (b"\x01" * 64, "Ó, \N{SNOWMAN} and a 'quote'"),
    (b"\x00" * 32, ""),
]


def compiled(inline: str, target: Path, engine: str = "dev") -> str:
    reading.bring(target, engine)
    arguments = [
        "--quiet",
        "--no-version-check",
        "--partial-parse",
        "compile",
        "--no-introspect",
        "--no-populate-cache",
        "--inline",
        inline,
    ]
    folders = ["--project-dir", str(PROJECT), "--profiles-dir", str(PROFILE), "--target-path", str(target)]
    result = dbtRunner().invoke([*arguments, *folders, "--log-path", str(target / "logs"), "--target", engine])
    if not result.success:
        raise AssertionError(str(result.exception or result.result.results[0].message))
    return str(result.result.results[0].node.compiled_code)


@pytest.fixture(scope="module")
def macro(tmp_path_factory: pytest.TempPathFactory) -> str:
    given = f'select {{{{ keyed_pseudonym("t.text", "{SETTING}") }}}} as p from (select %s::text as text) as t'
    return compiled(given, tmp_path_factory.mktemp("macro"))


def test_postgresql_and_python_give_the_same_bytes(databases: FreshDatabases, macro: str) -> None:
    with databases.at_warehouse() as connection:

        def check(secret: bytes, text: str) -> None:
            connection.execute("select set_config('warehouse.key', %s, false)", (secret.hex(),))
            row = connection.execute(macro.encode(), (text,)).fetchone()
            assert row == (Key("k", 1, "here", secret).digest(text),)

        for secret, text in VECTORS:
            check(secret, text)

        @settings(max_examples=50)
        @given(st.binary(min_size=1, max_size=150), st.text(st.characters(exclude_characters="\0", codec="utf-8")))
        def any_key_and_text(secret: bytes, text: str) -> None:
            check(secret, text)

        any_key_and_text()


def test_bigquery_and_python_give_the_same_bytes(tmp_path: Path) -> None:
    sql = compiled('select {{ keyed_pseudonym("t.text", "@key") }} as p from t', tmp_path, "bigquery")
    engine = Engine()
    for secret, text in VECTORS:
        given = f"(select {_literal(text.encode())} as bytes)"
        rows = f"(select safe_convert_bytes_to_string(bytes) as text from {given}) as t"
        query = sql.replace("@key", _literal(secret)).replace("from t", f"from {rows}")
        assert engine.run(query)[1] == [{"p": Key("k", 1, "here", secret).digest(text)}]


def _literal(content: bytes) -> str:
    return "b'" + "".join(f"\\x{byte:02x}" for byte in content) + "'"


def test_a_key_as_a_literal_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(AssertionError):
        compiled("""select {{ keyed_pseudonym("t.trn", "decode('00', 'hex')") }} as p from t""", tmp_path)
    assert "never as a literal" in capsys.readouterr().out
