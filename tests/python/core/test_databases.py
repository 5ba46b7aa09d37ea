"""Which day it is, where the databases are servers of one's own."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from warehouse.core.databases import Databases
from warehouse.core.settings import Settings

SERVERS: dict[str, Any] = {
    "trs_database_url": "postgresql://nobody@127.0.0.1:1/trs",
    "warehouse_database_url": "postgresql://nobody@127.0.0.1:1/warehouse",
}


def london() -> date:
    return datetime.now(ZoneInfo("Europe/London")).date()


def test_on_servers_of_ones_own_it_is_the_day_in_london() -> None:
    before = london()
    today = Databases(Settings(_env_file=None, **SERVERS)).today()
    # Midnight may have come between.
    assert before <= today <= london()


def test_a_day_that_is_set_is_the_business_date_and_not_the_calendars() -> None:
    chosen = date(2001, 10, 1)
    databases = Databases(Settings(_env_file=None, warehouse_today=chosen, **SERVERS))
    assert databases.today() == chosen < databases.calendar()
