"""Destinations that refuse, fill up or break off, and what is there already: another's file, or a delivery of ours."""

from __future__ import annotations

import asyncio
import gc
import hashlib
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from tests.python.deliver.delivering import OCTOBER, World, listed, overwrite, sftp_world
from tests.python.deliver.killed import no_check
from tests.python.deliver.world import SftpWorld, settings_for, write_contract
from warehouse.core.errors import DeliveryError, DestinationFull, DestinationRefused, SandboxOnly, SettingsError
from warehouse.core.progress import Silent
from warehouse.deliver import State, deliver
from warehouse.deliver.destinations import sftp as sftp_module

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("short_waits")]


def test_a_file_that_was_tampered_with_is_found_and_then_sent_anew(anywhere: World) -> None:
    def tamper(step: str) -> None:
        if step == "uploaded":
            overwrite(anywhere, "dandi/teachers/2026-09/teachers-2026-09.parquet")

    with pytest.raises(DeliveryError, match="is not what was sent"):
        anywhere.run(hook=tamper)
    assert anywhere.state() == "failed"
    assert "dandi/teachers/2026-09/datapackage.json" not in listed(anywhere)
    (report,) = anywhere.run()
    assert hashlib.sha256(listed(anywhere)[report.files[0].name]).hexdigest() == report.files[0].sha256


def test_a_strange_file_is_never_overwritten(anywhere: World) -> None:
    anywhere.run()
    there = listed(anywhere)
    with anywhere.building() as connection:
        connection.execute("truncate ledger.deliveries cascade")
        connection.execute("update extracts.dandi_teachers set urn = 0 where trn = '0000001'")
    with pytest.raises(DestinationRefused, match="already"):
        anywhere.run()
    assert listed(anywhere) == there


def test_a_delivery_that_a_lost_ledger_does_not_know_is_adopted(anywhere: World) -> None:
    anywhere.run()
    there = listed(anywhere)
    with anywhere.building() as connection:
        connection.execute("truncate ledger.deliveries cascade")
    (report,) = anywhere.run()
    assert report.state is State.CLOSED
    assert listed(anywhere) == there


def test_a_delivered_file_that_changed_is_not_adopted(world: World) -> None:
    """The manifest was written, the process killed, and then somebody changed the file."""

    def stop(step: str) -> None:
        if step == "committed":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        world.run(hook=stop)
    overwrite(world, "dandi/teachers/2026-09/teachers-2026-09.parquet")
    with pytest.raises(DestinationRefused, match="no longer what the manifest says"):
        world.run()


def test_a_bucket_that_is_not_there(tmp_path: Path, conninfo: str, bucket: str) -> None:
    world = World(tmp_path, conninfo, destination_dandi="gs://nobody-made-this")
    world.contract()
    with pytest.raises(DestinationRefused, match="404"):
        world.run()
    assert world.state() == "failed"
    world.send_to(bucket)
    (report,) = world.run()
    assert (report.state, report.where) == (State.CLOSED, bucket)


def test_a_file_in_place_of_the_folder(world: World) -> None:
    world.settings.warehouse_deliveries.write_text("not a folder")
    with pytest.raises(DestinationRefused, match="refuses"):
        world.run()
    world.settings.warehouse_deliveries.unlink()
    assert world.run()[0].state is State.CLOSED


def test_an_sftp_server_that_refuses_in_each_way(tmp_path: Path, conninfo: str, sftp: SftpWorld) -> None:
    world = sftp_world(tmp_path, conninfo, sftp)
    world.contract()
    good = world.settings
    stranger = tmp_path / "known_hosts"
    stranger.write_text("example.org ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA==\n")
    bad = [
        (good.model_copy(update={"warehouse_sftp_known_hosts": stranger}), "host key"),
        (good.model_copy(update={"warehouse_sftp_known_hosts": tmp_path / "none"}), "no known_hosts file"),
        (good.model_copy(update={"warehouse_sftp_password": None}), "does not let loader in"),
        (good.model_copy(update={"destinations": {"dandi": "sftp://loader@127.0.0.1:9/drop"}}), "refuses"),
    ]
    for settings, words in bad:
        world.settings = settings
        with pytest.raises(DestinationRefused, match=words):
            world.run()
    world.settings, sftp.read_only = good, True
    with pytest.raises(DestinationRefused, match=r"making the folder of .* is denied"):
        world.run()
    sftp.read_only = False
    assert world.run()[0].state is State.CLOSED
    assert len(listed(world)) == 2


def test_an_sftp_server_that_fills_up_mid_file(tmp_path: Path, conninfo: str, sftp: SftpWorld) -> None:
    world = sftp_world(tmp_path, conninfo, sftp)
    world.contract()
    sftp.room = 1000
    with pytest.raises(DestinationFull) as caught:
        world.run()
    assert caught.value.exit_code == 33
    assert listed(world) == {} and world.state() == "failed"
    sftp.room = None
    assert world.run()[0].state is State.CLOSED


def test_an_sftp_connection_that_drops_is_made_again(
    tmp_path: Path,
    conninfo: str,
    sftp: SftpWorld,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """While a file is written and while one is read back; without a traceback on stderr."""
    world = sftp_world(tmp_path, conninfo, sftp)
    world.contract()
    sftp.drop_connections, sftp.drop_reads = 2, 2
    assert world.run()[0].state is State.CLOSED
    assert (sftp.drop_connections, sftp.drop_reads) == (0, 0)
    gc.collect()
    assert "Traceback" not in capfd.readouterr().err
    assert not [one for one in caplog.records if one.exc_info or (one.name == "asyncio" and one.levelname == "ERROR")]


def test_what_a_broken_connection_leaves_to_the_librarys_tasks_is_no_traceback(
    tmp_path: Path, sftp: SftpWorld, caplog: pytest.LogCaptureFixture
) -> None:
    """A task of the library that failed with the connection, and that nobody waits for any more."""
    settings = settings_for(tmp_path, warehouse_sftp_password="let-me-in", warehouse_sftp_known_hosts=sftp.known_hosts)

    async def left() -> None:
        async def fails() -> None:
            raise ConnectionResetError("the connection of Zzsurname was cut")

        asyncio.get_running_loop().create_task(fails())
        await asyncio.sleep(0)

    with closing(sftp_module.open_at(sftp.url, settings)) as destination:
        assert destination.read("nothing") is None
        assert destination._runner is not None
        destination._runner.run(left())
        gc.collect()
    assert not [one for one in caplog.records if one.name == "asyncio"]


@pytest.mark.parametrize(("times", "ends"), [(2, "closed"), (1_000_000, "failed")])
def test_an_sftp_server_that_stops_answering(
    times: int, ends: str, tmp_path: Path, conninfo: str, sftp: SftpWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its connection lives: each try is given up after a while, and their number is bounded."""
    monkeypatch.setattr(sftp_module, "ANSWER_SECONDS", 0.4)
    world = sftp_world(tmp_path, conninfo, sftp)
    world.contract()
    sftp.stuck = times
    if ends == "closed":
        assert world.run()[0].state is State.CLOSED
        return
    with pytest.raises(DestinationRefused, match="ConnectionLost"):
        world.run()
    assert times - sftp.stuck == sftp_module.ATTEMPTS and world.state() == ends


def test_settings_that_cannot_be_a_destination(world: World) -> None:
    for url in ("sftp://user:password@host/path", "ftp://host/path"):
        world.send_to(url)
        with pytest.raises(SettingsError) as caught:
            world.run()
        assert "password@" not in str(caught.value.as_dict())
    given = world.contract()
    given["servers"] = [{"server": "cloud", "type": "sftp", "location": "sftp://x"}]
    write_contract(world.exports, given)
    world.send_to(None)
    with pytest.raises(SettingsError, match="does not name in `servers`"):
        world.run()


def test_made_up_people_go_to_no_recipient(world: World) -> None:
    """Nor does a contract get its files before every recipient has a place that is right."""
    world.send_to("gs://bucket/from-warehouse")
    with pytest.raises(SandboxOnly, match="The people are the sandbox's"):
        deliver(replace(world.at(OCTOBER), synthetic=True), Silent(), check=no_check)
    assert world.state() == "none"


def test_on_servers_nothing_goes_where_nobody_said(world: World) -> None:
    world.settings = world.settings.model_copy(
        update={"trs_database_url": SecretStr("postgresql://db.example.org/trs")}
    )
    with pytest.raises(SettingsError) as caught:
        world.run()
    assert "WAREHOUSE_DESTINATION_DANDI is not set" in caught.value.what
    assert listed_in(world.settings.warehouse_deliveries) == [] and world.state() == "none"


def listed_in(folder: Path) -> list[str]:
    return [str(path) for path in folder.rglob("*") if path.is_file()]
