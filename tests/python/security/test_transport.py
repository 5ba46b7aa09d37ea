"""Transport: nothing goes to another machine but over TLS, to a server whose certificate was checked.

Every server of a test is on this machine, which needs no TLS: so where it matters a test has the program take loopback
for another machine.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tests.python.conftest import FreshDatabases, make_databases
from tests.python.waiting import until
from tests.python.worlds import tls
from tests.python.worlds.servers import READY, SystemServer
from warehouse.cli import main as cli
from warehouse.core import transport
from warehouse.core.database import connect
from warehouse.core.errors import DatabaseUnreachable, SetupError, SourceOutOfReach, UnsafeConnection
from warehouse.jobs.main_job import Run, _in_the_ledger
from warehouse.replicate.catalog import reach
from warehouse.replicate.preflight import links
from warehouse.replicate.preflight.preflight import preflight

ELSEWHERE = "postgresql://trw_reader:hunter2@192.0.2.77:5432/trs"
AS = {"what": "the operational database", "variable": "TRS_DATABASE_URL"}


@pytest.mark.parametrize(
    ("conninfo", "local"),
    [
        ("postgresql://a:b@localhost:5432/trs", True),
        ("postgresql://a:b@127.0.0.2/trs", True),
        ("postgresql://a:b@[::1]/trs", True),
        ("postgresql://a:b@%2Frun%2Fpostgresql/trs", True),
        ("host=@abstract dbname=trs", True),
        ("dbname=trs", True),
        ("postgresql://a:b@localhost,trs.example.org/trs", False),
        ("postgresql://a:b@localhost/trs?hostaddr=192.0.2.1", False),
        ("postgresql://a:b@192.0.2.1/trs", False),
        ("postgresql://a:b@localhost.example.org/trs", False),
        ("postgresql://a:b@127.0.0.1.example.org/trs", False),
        ("postgresql://a:b@0x7f000001/trs", False),
        ("postgresql:///trs?service=trs", False),
        ("postgresql://localhost/trs?service=trs", False),
    ],
)
def test_what_stays_on_this_machine(conninfo: str, local: bool) -> None:
    assert transport.is_local(conninfo) is local


@pytest.mark.parametrize(
    "parameters",
    [
        "",
        "?sslmode=disable",
        "?sslmode=prefer",
        "?sslmode=require",
        "?sslmode=verify-ca",
        # Of two libpq takes the last.
        "?sslmode=verify-full&sslmode=require",
    ],
)
def test_less_than_a_checked_server_is_refused(parameters: str) -> None:
    with pytest.raises(UnsafeConnection) as caught:
        transport.checked(ELSEWHERE + parameters, **AS, reason=None)
    error = caught.value
    assert error.exit_code == 46 and not error.passes
    assert "hunter2" not in str(vars(error)) and "TRS_DATABASE_URL" in error.next_command


def test_a_reason_is_for_a_mode_that_somebody_wrote(tmp_path: Path) -> None:
    reason = "The network is a link of our own."
    assert transport.mode(transport.checked(ELSEWHERE + "?sslmode=require", **AS, reason=reason)) == "require"
    with pytest.raises(UnsafeConnection, match="nothing of sslmode"):
        transport.checked(ELSEWHERE, **AS, reason=reason)
    made = make_databases(
        tmp_path,
        trs_database_url=ELSEWHERE + "?sslmode=require",
        warehouse_database_url="postgresql://a:b@localhost/w",
        warehouse_transport_reason=reason,
    )
    assert made.transport_reason == reason
    made.settings = made.settings.model_copy(update={"trs_database_url": made.settings.warehouse_database_url})
    assert made.transport_reason is None, "nothing goes to another machine"


def test_a_ticket_of_kerberos_is_no_certificate() -> None:
    secured = transport.checked(ELSEWHERE + "?sslmode=verify-full", **AS, reason=None)
    assert conninfo_to_dict(secured)["gssencmode"] == "disable"


@pytest.mark.parametrize(
    "command",
    [["run"], ["replicate", "run"], ["replicate", "preflight"], ["deliver"], ["sql", "--source", "select 1"], ["up"]],
)
def test_every_command_refuses_before_it_connects(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    destinations = {name: str(tmp_path) for name in ("dandi", "tad", "tps", "tra")}
    made = make_databases(
        tmp_path,
        trs_database_url=ELSEWHERE,
        warehouse_database_url=ELSEWHERE,
        destinations=destinations,
        warehouse_sql_source=True,
    )
    for module in ("opening", "run", "servers"):
        monkeypatch.setattr(f"warehouse.cli.{module}.load", lambda: made.settings)
    monkeypatch.setattr(psycopg, "connect", lambda *_, **__: pytest.fail("it connected"))
    assert cli._main(command) == UnsafeConnection.exit_code
    said = capfd.readouterr()
    assert "hunter2" not in said.out + said.err


def test_doctor_says_it_of_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    made = make_databases(tmp_path, trs_database_url=ELSEWHERE, warehouse_database_url=ELSEWHERE)
    monkeypatch.setattr("warehouse.cli.doctor.load", lambda: made.settings)
    assert cli._main(["doctor", "--json"]) == SetupError.exit_code
    findings = {one["code"]: one for one in json.loads(capfd.readouterr().out)["findings"]}
    assert findings["warehouse"]["exit_code"] == findings["operational database"]["exit_code"] == 46


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine's loopback is taken for another machine's address."""
    monkeypatch.setattr(transport, "is_loopback", lambda _: False)


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize("answer", [b"N", b"E", b"", b"220 mail.example.org\r\n"])
def test_a_listener_that_speaks_clear_text_gets_nothing(answer: bytes) -> None:
    """Not the user's name and not the password: only the question whether it has TLS."""
    got = bytearray()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def listen() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.settimeout(5)
                    got.extend(connection.recv(8))
                    connection.sendall(answer)
                    connection.shutdown(socket.SHUT_WR)
                    while piece := connection.recv(4096):
                        got.extend(piece)

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        url = f"postgresql://trw_reader:hunter2@localhost:{server.getsockname()[1]}/trs?sslmode=verify-full&"
        with pytest.raises((UnsafeConnection, DatabaseUnreachable)) as caught:
            connect(transport.checked(url + "sslrootcert=system", **AS, reason=None), **AS)
        server.shutdown(socket.SHUT_RDWR)
        thread.join(30)
    assert bytes(got[:8]) == transport._SSL_REQUEST
    assert b"trw_reader" not in got and b"hunter2" not in got
    if answer == b"N":
        assert caught.value.exit_code == 46 and "does not support SSL" in caught.value.what


@pytest.fixture(scope="module")
def server(short_folder: Path) -> Iterator[SystemServer]:
    """A PostgreSQL with TLS; a test may have it show another certificate."""
    folder = short_folder / "transport"
    folder.mkdir()
    made = SystemServer(folder, "server", tls.make_authority(folder), READY)
    made.allow("hostssl all all 127.0.0.1/32 scram-sha-256\n")
    yield made
    made.stop()


@pytest.mark.usefixtures("elsewhere")
def test_a_certificate_has_to_hold(server: SystemServer, short_folder: Path) -> None:
    def attempt() -> None:
        checked = transport.checked(server.administrator(), **AS, reason=None)
        connect(checked, **AS).close()

    own = server.authority
    attempt()
    other = tls.make_authority(short_folder / "transport", "other")
    for shown, words, remedy in (
        ({"authority": other}, "certificate verify failed", "sslrootcert"),
        ({"authority": own, "days": -1}, "certificate has expired", "renew"),
        ({"authority": own, "host": "trs.example.org"}, "does not match host name", "host name"),
    ):
        server.show(**shown)  # type: ignore[arg-type]
        with pytest.raises(UnsafeConnection) as caught:
            attempt()
        assert words in caught.value.what and remedy in caught.value.next_command, vars(caught.value)
        assert "localhost" in caught.value.what
    server.show(own)
    attempt()


@pytest.mark.usefixtures("elsewhere")
def test_the_stream_is_checked_by_the_warehouses_own_server(server: SystemServer) -> None:
    """The subscription has the same string: its server refuses a certificate that does not hold, as we do."""
    with psycopg.connect(server.administrator(), autocommit=True) as administrator:
        administrator.execute("create database trs")
        administrator.execute("create database w")
    with psycopg.connect(server.administrator("trs"), autocommit=True) as source:
        source.execute("create publication p")
        source.execute("select pg_create_logical_replication_slot('s', 'pgoutput')")
    checked = transport.checked(server.administrator("trs"), **AS, reason=None)
    with psycopg.connect(server.administrator("w"), autocommit=True) as warehouse:
        warehouse.execute(
            f"create subscription s connection '{make_conninfo(checked)}' publication p"
            " with (create_slot = false, copy_data = false)".encode()
        )
        try:
            with psycopg.connect(server.administrator("trs"), autocommit=True) as source:
                until("the stream runs", lambda: source.execute(links._SENDER, ("s",)).fetchone())
                seen = source.execute(links._SENDER, ("s",)).fetchone()
                assert seen is not None and seen[0] is True
                assert links._link("stream", checked, seen, None).state == "ok"
            server.show(tls.make_authority(server.authority.parent, "third"))
            with pytest.raises(SourceOutOfReach, match="certificate verify failed"):
                reach.check(warehouse, checked)
        finally:
            server.show(server.authority)
            warehouse.execute("alter subscription s disable")
            warehouse.execute("alter subscription s set (slot_name = none)")
            warehouse.execute("drop subscription s")


@pytest.mark.parametrize(
    ("mode", "seen", "reason", "state"),
    [
        ("verify-full", (True, "TLSv1.3"), None, "ok"),
        # A proxy between ended the encryption.
        ("verify-full", (False, None), None, "failed"),
        ("verify-full", (None, None), None, "warning"),
        ("require", (True, "TLSv1.3"), None, "failed"),
        ("require", (True, "TLSv1.3"), "The network is our own.", "warning"),
        ("disable", (False, None), "The network is our own.", "warning"),
    ],
)
def test_preflight_goes_by_what_the_server_says(
    mode: str, seen: tuple[bool | None, str | None], reason: str | None, state: str
) -> None:
    found = links._link("connection to the source", f"{ELSEWHERE}?sslmode={mode}", seen, reason)
    assert found.state == state
    if reason:
        assert reason in found.what
    if state == "failed":
        assert found.error is UnsafeConnection


def test_preflight_has_both_connections(prepared: FreshDatabases) -> None:
    found = {one.code: one for one in preflight(prepared)}
    for code in ("connection to the source", "connection to the warehouse"):
        assert (found[code].state, found[code].what) == ("ok", "on this machine")


def test_a_run_records_the_reason(prepared: FreshDatabases) -> None:
    with prepared.warehouse() as warehouse:
        with _in_the_ledger(warehouse, Run(), "The network is our own."):
            pass
        kept = warehouse.execute("select transport_reason from ledger.runs").fetchall()
    assert kept == [("The network is our own.",)]
