"""Years that were typed with five digits: life goes on around them, and leaves them as they are."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime

import numpy as np
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.life import awards, clock, lookup
from sandbox.life.far_days import FarDay, open_cursor
from sandbox.life.kinds import Subject
from sandbox.life.scene import Scene
from sandbox.population.qualifications import _far_dates

NewWorld = Callable[[str], str]


@given(st.dates(), st.dates(min_value=date(1000, 1, 1)))
def test_a_far_day_is_later_than_any_that_python_holds(day: date, typed: date) -> None:
    far = FarDay(f"{typed.year}1{typed:-%m-%d}")
    assert day < far and day <= far and far > day and far >= day
    assert not (far < day or far <= day or day > far or day >= far)
    assert min(far, day) == min(day, far) == day and far != day


@pytest.mark.parametrize("play", [awards.amend_training, awards.award, awards.correct_award_date])
def test_what_happens_to_a_route_whose_end_has_five_digits(new_world: NewWorld, play: Callable[..., bool]) -> None:
    """Each reads the whole row, and its payload has the row: in the year 19691 nothing could be read."""
    with psycopg.connect(new_world(f"far_{play.__name__}")) as connection:
        connection.execute("UPDATE qualifications SET training_end_date = '19691-07-31' WHERE qualification_type = 1")
        world, lists, when = clock.read(connection), lookup.load(connection), datetime(2026, 10, 2, 12, tzinfo=UTC)
        in_training = "status IN (0, 2)" if play is awards.award else "status = 1 AND holds_from < '2026-01-01'"
        routes = connection.execute(
            f"SELECT qualification_id, person_id FROM qualifications JOIN persons USING (person_id) "
            f"WHERE qualifications.{in_training} AND persons.status = 0 ORDER BY 1 LIMIT 5".encode()
        ).fetchall()
        with open_cursor(connection) as cursor:
            done = [
                play(Scene(cursor, world, lists, when.date(), when, play.__name__, number), Subject(*route))
                for number, route in enumerate(routes)
            ]
            ends = cursor.execute(
                "SELECT payload #>> '{RouteToProfessionalStatus,TrainingEndDate}' AS end FROM events "
                "WHERE event_name = 'RouteToProfessionalStatusUpdatedEvent'"
            ).fetchall()
    assert True in done and len(ends) == done.count(True)
    if play is awards.amend_training:
        assert {row["end"] for row in ends} == {"19691-07-31"}, "nobody typed it again"


def test_other_days_are_read_as_before(cluster: str) -> None:
    with psycopg.connect(f"{cluster} dbname=postgres") as connection, open_cursor(connection) as cursor:
        read = cursor.execute("SELECT date '2004-02-29' AS leap, date '9999-12-31' AS last, null::date AS none")
        assert read.fetchone() == {"leap": date(2004, 2, 29), "last": date(9999, 12, 31), "none": None}
        with pytest.raises(psycopg.DataError):
            cursor.execute("SELECT date '0044-03-15 BC'").fetchone()


def test_no_year_is_typed_that_has_no_such_day() -> None:
    """20041 has no 29 February: the server would not take it."""
    days = np.array(["2004-02-29", "2004-02-29", "2004-07-31"], dtype="datetime64[D]")
    typed = _far_dates(days, np.array([True, False, True]))
    assert typed.to_list() == ["20041-02-28", "2004-02-29", "20041-07-31"]
