"""What is left of a value that passes through a release (models' releases.yml): shown by values, at their limits."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from tests.python.conftest import FreshDatabases
from tests.python.security.test_pseudonym_macro import compiled

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> str:
    given = (
        "select {{ age_band('t.born', 't.day') }} as band, {{ count_at_least('t.number') }} as number"
        " from (select %s::date as born, %s::date as day, %s::bigint as number) as t"
    )
    return compiled(given, tmp_path_factory.mktemp("releases"))


def test_a_band_and_a_number_are_all_that_is_left(databases: FreshDatabases, released: str) -> None:
    day = date(2026, 11, 28)
    with databases.at_warehouse() as connection:

        def left(born: date | None, number: int | None = None) -> tuple[object, ...]:
            row = connection.execute(released.encode(), (born, day, number)).fetchone()
            assert row is not None
            return row

        bands = {left(date(year, month, 5))[0] for year in range(1900, 2027) for month in (1, 12)}
        assert bands == {"under 25", *(f"{n} to {n + 4}" for n in range(25, 65, 5)), "65 and over"}
        for born, band in {
            date(2001, 11, 29): "under 25",
            date(2001, 11, 28): "25 to 29",
            date(1996, 11, 29): "25 to 29",
            date(1996, 11, 28): "30 to 34",
            date(1961, 11, 29): "60 to 64",
            date(1961, 11, 28): "65 and over",
            None: None,
        }.items():
            assert left(born)[0] == band, born
        assert [left(None, number)[1] for number in (None, 0, 9, 10, 11)] == [None, None, None, 10, 11]


def test_a_threshold_that_hides_nobody_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(AssertionError):
        compiled("select {{ count_at_least('1', 9) }} as n", tmp_path)
    assert "count_at_least needs a threshold of at least 10" in " ".join(capsys.readouterr().out.split())
