"""What was delivered is read back and compared; what the ledger has of a delivery is shown whole."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from tests.python.deliver.delivering import OCTOBER, World, listed, overwrite
from tests.python.deliver.test_vanished import mover, take
from tests.python.deliver.world import SftpWorld
from warehouse.core.errors import UsageError
from warehouse.deliver import differing, show, verify
from warehouse.deliver.proof import Verified

pytestmark = pytest.mark.slow

DELIVERY = "dandi/teachers/2026-09"
FILE, MANIFEST = f"{DELIVERY}/teachers-2026-09.parquet", f"{DELIVERY}/datapackage.json"


def verified(world: World, *deliveries: str) -> list[Verified]:
    with psycopg.connect(world.conninfo, autocommit=True) as warehouse:
        return list(verify(world.at(OCTOBER), warehouse, deliveries))


def found(world: World, *deliveries: str) -> dict[str, str]:
    return {one.name: one.found for one in verified(world, *deliveries)}


def test_each_file_is_read_back_from_where_it_was_sent(anywhere: World) -> None:
    anywhere.run()
    before = listed(anywhere)
    assert found(anywhere) == {FILE: "as sent", MANIFEST: "as sent"}
    assert differing(verified(anywhere)) is None
    assert listed(anywhere) == before
    overwrite(anywhere, FILE)
    assert found(anywhere, DELIVERY) == {FILE: "another file", MANIFEST: "as sent"}
    failure = differing(verified(anywhere))
    assert failure is not None and failure.exit_code == 80
    assert failure.what == f"1 of 2 files are not what was sent: {FILE} (another file)."
    assert f"warehouse deliveries redo {DELIVERY} --because" in (failure.next_command or "")


def test_it_looks_where_the_delivery_went_and_not_where_the_next_one_goes(world: World) -> None:
    world.run()
    other = world.home / "other"
    other.mkdir()
    world.send_to(str(other))
    assert found(world) == {FILE: "as sent", MANIFEST: "as sent"}


def test_a_file_that_is_gone(world: World) -> None:
    world.run()
    take(world, "teachers-2026-09.parquet")
    assert found(world) == {FILE: "not there", MANIFEST: "as sent"}
    assert differing(verified(world)) is not None
    # The warehouse itself took it away, as an erasure does.
    with psycopg.connect(world.conninfo) as connection:
        connection.execute("update ledger.delivery_files set removed_at = now() where kind = 'data'")
    assert found(world) == {FILE: "removed by us", MANIFEST: "as sent"}
    assert differing(verified(world)) is None


@pytest.mark.parametrize(("agreed", "now"), [("pickUp", "taken"), ("writeOnly", "not readable")])
def test_what_was_agreed_is_not_told_as_a_loss(
    agreed: str, now: str, tmp_path: Any, conninfo: str, sftp: SftpWorld
) -> None:
    world = mover(tmp_path, conninfo, sftp, confirmation=agreed)
    world.run()
    assert found(world)[f"{DELIVERY}/teachers-2026-09.csv"] == now
    assert differing(verified(world)) is None


def test_only_what_was_delivered(world: World) -> None:
    assert verified(world) == []
    with pytest.raises(UsageError, match="There is no delivery"):
        verified(world, DELIVERY)
    with pytest.raises(RuntimeError):
        world.run(check=_fails)
    with pytest.raises(UsageError, match="was never delivered: it is"):
        verified(world, DELIVERY)
    assert verified(world) == []


def _fails(*_: Any) -> dict[str, int]:
    raise RuntimeError


def test_all_that_the_ledger_has_of_one_delivery(world: World) -> None:
    world.run()
    with psycopg.connect(world.conninfo) as warehouse:
        shown = show(warehouse, DELIVERY)
        with pytest.raises(UsageError, match="There is no delivery"):
            show(warehouse, "dandi/teachers/2026-08")
    assert (shown["state"], shown["rows"], shown["contract_version"], shown["attempt"]) == ("closed", 200, "1.0.0", 1)
    assert [(one["name"], one["kind"], one["rows"]) for one in shown["files"]] == [
        (FILE, "data", 200),
        (MANIFEST, "manifest", None),
    ]
    steps = [one["to"] for one in shown["steps"]]
    assert steps[0] == "planned" and steps[-1] == "closed" and shown["decisions"] == []
