"""Days on which the operational system changed, and which the content of a record depends on.

TRS took the records over from the Database of Qualified Teachers (DQT) area by area; rows made before such a day carry
their DQT columns, rows made after it do not.
"""

from typing import Final

from sandbox.population.vector import day

DQT_LOADED: Final = day("2011-03-27")
"""Records older than this were loaded in one go; their creation date says nothing about the person."""
MQS_MOVED: Final = day("2024-09-12")
ALERTS_MOVED: Final = day("2024-11-12")
INDUCTIONS_MOVED: Final = day("2025-02-10")
ROUTES_MOVED: Final = day("2025-07-21")
PEOPLE_MOVED: Final = day("2025-10-06")
EARLIEST_TODAY: Final = day("2026-01-01")
"""The population describes the system after every move; an earlier day would contradict it."""

INDUCTION_BEGAN: Final = day("1999-05-07")
"""Earliest induction start that can be entered."""
QTS_EXEMPT_BEFORE: Final = day("2000-05-07")
"""Holders of QTS from before this day are exempt from induction."""
QTLS_BEGAN: Final = day("2012-04-01")
REQUESTS_BEGAN: Final = day("2022-01-04")
"""First day on which applications asked for TRNs through the programming interface that records its requests."""
CPD_INDUCTIONS_BEGAN: Final = day("2021-09-01")
