"""The main job in odd worlds: what comes out is what comes out in a tidy one, or the world is refused by name."""

from __future__ import annotations

import pytest

from tests.python.worlds import odd
from tests.python.worlds.belongings import changed
from tests.python.worlds.busy import busy_loops
from tests.python.worlds.conftest import MakePlace, end_streams
from tests.python.worlds.main_job_in import Day, all_is_well, live_through, refused, run
from tests.python.worlds.readers import Readers
from tests.python.worlds.world import CHANGES, outcome
from warehouse.core.errors import AlreadyRunning

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
        "extracts.dandi_teachers",
        "extracts.tad_teachers",
        "extracts.tps_new",
        "marts.dim_live_person",
        "marts.dim_person",
        "marts.fct_coverage",
        "marts.fct_employment",
        "marts.fct_employment_after_award",
        "marts.fct_person_identifier",
        "marts.fct_person_name",
        "marts.fct_retention_by_cohort",
        "marts.fct_school_service_spell",
        "marts.fct_service_month",
        "marts.fct_service_november",
        "marts.fct_service_spell",
        "marts.fct_workforce_movement",
    ]
    assert len(tidy.second.files) == 4


def test_other_roles_settings_and_people(make_place: MakePlace, tidy: Day) -> None:
    """Every oddity that has to make no difference, in one world; what a failure says names the one that made it."""
    place = odd.with_roles(make_place("odd"))
    place.environment.update(odd.SHELL)
    place.at_warehouse(odd.NEIGHBOURS)
    run(place, odd.EVERYTHING)
    assert outcome(place).differs_from(tidy.first) == []
    place.at_warehouse(odd.ANALYSTS)
    theirs = odd.not_ours(place)
    place.at_source(CHANGES)
    with odd.table_locked_while_models_are_built(place) as second_run:
        said = second_run.communicate()
    assert second_run.returncode == 0, f"in a world with {odd.EVERYTHING}: {said}"
    assert outcome(place).differs_from(tidy.second) == []
    all_is_well(place, odd.EVERYTHING)
    assert changed(theirs, odd.not_ours(place)) == []
    (place.home / "trn.txt").write_text("9999999")
    found = place.call("erase", "--trn-file", str(place.home / "trn.txt"), "--dry-run")
    assert found.returncode == 0, found.stderr
    assert "Not looked into: neighbours.closed" in found.stdout


def test_a_loaded_machine_with_readers_and_a_second_run(make_place: MakePlace, tidy: Day) -> None:
    """Nothing fails for slowness; readers see the build before or the one after, never none; one run at a time."""
    place = make_place("loaded")
    with busy_loops():
        run(place, "a busy machine")
        assert outcome(place).differs_from(tidy.first) == []
        place.at_source(CHANGES)
        with Readers(place.warehouse_admin) as readers:
            running = place.start("run", "--json")
            readers.wait_for_a_build(running)
            second = place.call("run", "--json")
            assert second.returncode == AlreadyRunning.exit_code, second.stdout + second.stderr
            said = running.communicate()
        assert running.returncode == 0, said
        assert outcome(place).differs_from(tidy.second) == []
        all_is_well(place, "a busy machine")
    before, after = (int(day.marts["marts.fct_employment"].split()[0]) for day in (tidy.first, tidy.second))
    assert readers.long_reader == {before}, "a transaction that began before sees what it saw"
    assert readers.short_readers == {before, after}


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
