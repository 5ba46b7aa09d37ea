"""The main job in odd worlds: what comes out is what comes out in a tidy one, or the world is refused by name.

One world is the site of docs/runbooks/production.md, made line by line, with the users that it makes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from tests.python.deliver.world import sftp_server
from tests.python.worlds import odd, tls
from tests.python.worlds.belongings import changed
from tests.python.worlds.busy import busy_loops
from tests.python.worlds.conftest import MakePlace, end_streams
from tests.python.worlds.main_job_in import Day, all_is_well, live_through, refused, run
from tests.python.worlds.readers import Readers
from tests.python.worlds.runbook import blocks
from tests.python.worlds.site import PAGE, Site
from tests.python.worlds.world import CHANGES, TODAY, Outcome, outcome
from warehouse.core.errors import AlreadyRunning, SettingsError, UsageError

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def tidy(new_place: MakePlace) -> Day:
    """The day in a tidy world: superusers, no settings of anybody's, nobody else about."""
    place = new_place("tidy")
    try:
        return live_through(place, "nothing odd")
    finally:
        end_streams(place)


def test_the_second_run_of_a_day_sees_what_changed(tidy: Day) -> None:
    assert tidy.second.differs_from(tidy.first) == [
        "extracts.dandi_service_spells",
        "extracts.dandi_teachers",
        "extracts.dandi_workforce",
        "extracts.tad_itt_employment",
        "extracts.tad_retention",
        "extracts.tad_teachers",
        "extracts.tad_vintage_employments",
        "extracts.tad_vintage_people",
        "extracts.tps_new",
        "marts.dim_live_person",
        "marts.dim_person",
        "marts.fct_coverage",
        "marts.fct_employment",
        "marts.fct_employment_after_award",
        "marts.fct_employment_establishment",
        "marts.fct_person_identifier",
        "marts.fct_person_name",
        "marts.fct_retention_by_cohort",
        "marts.fct_school_service_spell",
        "marts.fct_service_month",
        "marts.fct_service_november",
        "marts.fct_service_spell",
        "marts.fct_workforce_movement",
    ]
    assert len({Path(name).parts[:3] for name in tidy.second.files}) == 16, "each extract that is delivered"


def test_servers_of_ones_own(make_place: MakePlace, tidy: Day) -> None:
    """Nothing is embedded, and a place for each recipient has to be named first."""
    unset = make_place("unset")
    done = unset.shell.call(
        "run", "--json", TRS_DATABASE_URL=unset.source_url, WAREHOUSE_DATABASE_URL=unset.warehouse_url
    )
    assert done.returncode == SettingsError.exit_code
    assert "WAREHOUSE_DESTINATION_DANDI is not set" in json.loads(done.stdout)["what"]
    with psycopg.connect(unset.warehouse_admin) as connection:
        schemas = connection.execute("select to_regnamespace('ledger'), to_regnamespace('marts')").fetchone()
    assert schemas == (None, None)

    last_month = (TODAY.replace(day=1) - timedelta(days=1)).strftime("%Y-%m")
    assert {one["period"] for one in tidy.first_said["deliveries"]} == {last_month, f"{TODAY - timedelta(days=1)}"}
    assert [stage["stage"] for stage in tidy.first_said["stages"]] == ["replicate", "secrets", "build", "deliver"]
    assert not (tidy.place.home / "clusters").exists()
    assert tidy.place.call("sandbox", "advance").returncode == UsageError.exit_code
    # What the tests of the last build found can be asked for afterwards, of one model too.
    asked = tidy.place.json("quality")
    assert [one.pop("since") is not None for one in asked["findings"]] == [True] * len(asked["findings"])
    assert asked["findings"] == tidy.second_said["build"]["findings"] != []
    assert f"build {asked['build_id']}" in tidy.place.call("quality").stdout
    assert "There is no model dim_nothing" in tidy.place.call("quality", "--model", "dim_nothing").stderr


def test_other_roles_settings_and_people(make_place: MakePlace, tidy: Day) -> None:
    """Every oddity that has to make no difference, in one world; what a failure says names the one that made it.

    Its second run is on a loaded machine with readers: nothing fails for slowness, readers see the build before or the
    one after, never none, and another run is refused.
    """
    place = odd.with_roles(make_place("odd"))
    place.environment.update(odd.SHELL)
    place.at_warehouse(odd.NEIGHBOURS)
    run(place, odd.EVERYTHING)
    assert outcome(place).differs_from(tidy.first) == []
    place.at_warehouse(odd.ANALYSTS)
    theirs = odd.not_ours(place)
    place.at_source(CHANGES)
    with busy_loops(), Readers(place.warehouse_admin) as readers:
        with odd.table_locked_while_models_are_built(place) as second_run:
            another = place.call("run", "--json")
            assert another.returncode == AlreadyRunning.exit_code, another.stdout + another.stderr
            said = second_run.communicate()
        assert second_run.returncode == 0, f"in a world with {odd.EVERYTHING}: {said}"
    assert outcome(place).differs_from(tidy.second) == []
    before, after = (int(day.marts["marts.fct_employment"].split()[0]) for day in (tidy.first, tidy.second))
    assert readers.long_reader == {before}, "a transaction that began before sees what it saw"
    assert readers.short_readers == {before, after}
    all_is_well(place, odd.EVERYTHING)
    assert changed(theirs, odd.not_ours(place)) == []
    (place.home / "trn.txt").write_text("9999999")
    found = place.call("erase", "--trn-file", str(place.home / "trn.txt"), "--dry-run")
    assert found.returncode == 0, found.stderr
    assert "Not looked into: neighbours.closed" in found.stdout


def test_a_source_with_another_encoding(make_place: MakePlace) -> None:
    place = odd.source_in_latin(make_place("latin"))
    place.json("replicate", "run")
    place.at_source("update persons set last_name = 'Müller-Åß' where trn = '1000001'")
    place.json("replicate", "run")
    all_is_well(place, "a source in LATIN1")
    assert place.json("sql", "select trn, last_name from public.persons order by 1") == [
        {"trn": "1000000", "last_name": "Señora Ñandú"},
        {"trn": "1000001", "last_name": "Müller-Åß"},
    ]


def test_both_databases_on_one_server(make_system_place: MakePlace) -> None:
    """Two databases of one server are two databases."""
    place = make_system_place("one_server")
    place.json("replicate", "run")
    place.at_source(CHANGES)
    place.json("replicate", "run")
    all_is_well(place, "both databases on one server, with TLS, compared by the rules of a language")


@pytest.mark.parametrize("name", odd.REFUSED)
def test_a_world_that_cannot_work_is_refused_by_name(request: pytest.FixtureRequest, name: str) -> None:
    world = odd.REFUSED[name]
    make_place: MakePlace = request.getfixturevalue("make_system_place" if world.on_system else "make_place")
    refused(world.make(make_place(name)), world.oddities, world.exit_code, world.words, ledger=world.ledger)


@pytest.fixture(scope="module")
def site(short_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Both servers of the runbook, started as their administrators found them."""
    home = short_folder / "site"
    (home / "dandi").mkdir(parents=True)
    authority = tls.make_authority(home)
    with sftp_server(tmp_path_factory.mktemp("incoming")) as sftp:
        made = Site(home, authority, sftp)
        yield made
        made.warehouse.stop()
        made.source.stop()


PARTS = list(dict.fromkeys(block.heading for block in blocks(PAGE)))


@pytest.mark.parametrize("heading", PARTS)
def test_each_line_of_the_runbook(site: Site, heading: str) -> None:
    for block in blocks(PAGE):
        if block.heading == heading:
            site.run(block)


def test_the_runbooks_users_may_no_more_than_they_need(site: Site) -> None:
    with psycopg.connect(site.source.administrator("trs")) as connection:
        row = connection.execute(
            "select rolsuper, rolbypassrls, rolcreaterole, rolcreatedb,"
            " (select count(*) from pg_class where relowner = r.oid)"
            " from pg_roles as r where rolname = 'trw_reader'"
        ).fetchone()
        assert row == (False, False, False, False, 0)
        encrypted = connection.execute(
            "select bool_and(s.ssl) from pg_stat_ssl as s join pg_stat_replication as r using (pid)"
        ).fetchone()
        assert encrypted == (True,)


def test_what_comes_out_is_what_comes_out_in_a_tidy_world(site: Site, tidy: Day) -> None:
    """Another version, TLS, least rights, and databases that compare text by the rules of a language."""
    here = outcome(site.place)
    assert here.marts.keys() == tidy.first.marts.keys()
    assert Outcome(here.marts, {}).differs_from(Outcome(tidy.first.marts, {})) == []
    assert here.files.items() <= tidy.first.files.items()
