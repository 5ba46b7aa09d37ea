"""One extract as known at a moment: what it is made from and nothing else, dropped afterwards; and a delivery of it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from tests.python.conftest import FreshDatabases
from tests.python.deliver.killed import no_check
from tests.python.deliver.world import column, document, write_contract
from tests.python.marts.small import write
from warehouse.core.databases import Databases
from warehouse.core.errors import AlreadyRunning, BeforeHistory, BuildFailed, NotTheSameAgain
from warehouse.core.progress import Silent
from warehouse.deliver import State, World, deliver, recreate
from warehouse.jobs.history import history
from warehouse.marts import build, vintages
from warehouse.marts.then import NAME, extract_then

pytestmark = pytest.mark.slow

TODAY = date(2026, 10, 1)
SECOND = datetime(2026, 9, 10, 12, tzinfo=UTC)
EXTRACT = "select cast(alert_id as text) as trn, details as last_name from {{ ref('stg_trs__alerts') }}"
TESTED = """
models:
  - name: small_teachers
    columns: [{name: trn, data_tests: [not_null]}, {name: last_name, data_tests: [unique]}]
"""


@pytest.fixture
def extracts(world: FreshDatabases, tmp_path: Path) -> FreshDatabases:
    """The small project with an extract beside its mart; without the one that is named as one of the real project."""
    (tmp_path / "models" / "marts" / "fct_alert.sql").unlink()
    (tmp_path / "models" / "described.yml").unlink()
    with (tmp_path / "dbt_project.yml").open("a") as project:
        project.write("    extracts: {+schema: extracts, +materialized: table}\n")
    write(tmp_path, "extracts/small_teachers", EXTRACT)
    (tmp_path / "models" / "extracts.yml").write_text(TESTED)
    # A test of the project itself, which is about no model.
    (tmp_path / "tests").mkdir(exist_ok=True)
    (tmp_path / "tests" / "of_nothing.sql").write_text("select 1 as x where false\n")
    return world


def schemas(databases: Databases) -> list[str]:
    with databases.warehouse() as connection:
        found = connection.execute("select nspname from pg_namespace where starts_with(nspname, 'trw_then') order by 1")
        return [name for (name,) in found]


def test_only_what_it_is_made_from_is_built_and_all_of_it_goes(extracts: FreshDatabases) -> None:
    with extracts.warehouse() as connection:
        with extract_then(extracts, connection, ["small_teachers"], SECOND, TODAY, Silent(), tested=True) as made:
            assert made.schemas == schemas(extracts) == ["trw_then_extracts", "trw_then_staging"], "and no marts"
            rows = connection.execute("select trn, last_name from trw_then_extracts.small_teachers order by 1")
            assert rows.fetchall() == [("1", "corrected"), ("2", "deleted")]
            assert (made.known_at, made.known_up_to, made.as_at) == (SECOND, 110, TODAY)
        assert schemas(extracts) == [] and vintages.listed(connection) == []

        # Of a moment before history nothing is begun; of one whose rows break a test nothing is left.
        before = datetime(2026, 8, 31, tzinfo=UTC)
        with (
            pytest.raises(BeforeHistory),
            extract_then(extracts, connection, ["small_teachers"], before, TODAY, Silent(), tested=True),
        ):
            pytest.fail("nothing was known")
        connection.execute("update public.kept set details = 'corrected' where alert_id = 2")
        with (
            pytest.raises(BuildFailed, match=r"at unique_small_teachers_last_name \(1 rows fail the test\)"),
            extract_then(extracts, connection, ["small_teachers"], SECOND, TODAY, Silent(), tested=True),
        ):
            pytest.fail("a test fails")
        assert schemas(extracts) == []
        # What a killed command left is dropped by the next one; which runs no test when none is asked for.
        connection.execute(
            "insert into ledger.builds (as_at, project_sha256, vintage, known_at, made) values"
            f" ('2026-10-01', '', '{NAME}', now(), '{{\"trw_then_marts.left_there\": []}}')"
        )
        vintages.candidate.make(connection, ["trw_then_marts"], "vintage")
        with extract_then(extracts, connection, ["small_teachers"], SECOND, TODAY, Silent(), tested=False):
            assert schemas(extracts) == ["trw_then_extracts", "trw_then_staging"]
        with (
            pytest.raises(BuildFailed, match="There is no model nobody"),
            extract_then(extracts, connection, ["nobody"], SECOND, TODAY, Silent(), tested=False),
        ):
            pytest.fail("there is no such model")


def test_a_delivery_is_made_again_from_history(extracts: FreshDatabases, tmp_path: Path) -> None:
    """By dbt, end to end: the build that was published and the one of what was known then come to the same file."""
    contract = document("small", kind="csv")
    contract["schema"][0]["properties"] = [
        column("trn", "string", "text", "sensitive", primaryKey=True, required=True),
        column("last_name", "string", "text", "sensitive"),
    ]
    write_contract(tmp_path / "exports", contract)
    extracts.settings.warehouse_deliveries = tmp_path / "deliveries"
    there = World(extracts.warehouse_conninfo, extracts.settings, TODAY, TODAY, exports=tmp_path / "exports")
    build(extracts, TODAY, Silent())
    (report,) = deliver(there, Silent(), check=no_check)
    assert (report.state, report.rows) == (State.CLOSED, 2)
    with extracts.warehouse() as connection:
        # Something is learnt afterwards.
        connection.execute(
            "insert into ledger.transactions (xid, epoch_id, committed_at) values ('130', 1, '2026-09-25 12:00Z')"
        )
        connection.execute("update public.kept set known_to = '2026-09-25 12:00Z' where alert_id = 3")
        connection.execute("delete from public.alerts where alert_id = 3")
        with history(extracts, connection, Silent()) as then:
            made = recreate(there, then, Silent(), report.delivery_id, to=tmp_path / "again")
            assert made.same_bytes and made.same_models
            with (
                extracts.warehouse() as other,
                pytest.raises(AlreadyRunning) as caught,
                history(extracts, other, Silent()),
            ):
                pytest.fail("one at a time")
            assert caught.value.exit_code == 40
            name = f"{report.delivery_id}/teachers-2026-09.csv"
            assert (tmp_path / "again" / name).read_bytes() == (tmp_path / "deliveries" / name).read_bytes()
            # History that is not what it was does not pass for it.
            connection.execute("update public.kept set details = 'forged' where alert_id = 3")
            with pytest.raises(NotTheSameAgain, match="1 of them only as sent and 1 only as made now"):
                recreate(there, then, Silent(), report.delivery_id)
    assert schemas(extracts) == []
