"""The world that is made when nobody asks for another one."""

import datetime
from typing import Final

PEOPLE: Final = 20_000
SEED: Final = 20_260_901
FIRST_DAY: Final = datetime.date(2026, 10, 1)
"""Whatever the calendar says: the same command makes the same world."""
