"""Days on which the operational system or its rules changed, and which the content of a record depends on.

TRS took the records over from the Database of Qualified Teachers (DQT) area by area; rows made before such a day carry
their DQT columns, rows made after it do not.
"""

from __future__ import annotations

from datetime import date
from typing import Final

DQT_LOADED: Final = date(2011, 3, 27)
"""Records older than this were loaded in one go; their creation date says nothing about the person."""
MQS_MOVED: Final = date(2024, 9, 12)
ALERTS_MOVED: Final = date(2024, 11, 12)
INDUCTIONS_MOVED: Final = date(2025, 2, 10)
ROUTES_MOVED: Final = date(2025, 7, 21)
PEOPLE_MOVED: Final = date(2025, 10, 6)
EARLIEST_TODAY: Final = date(2026, 1, 1)
"""The population describes the system after every move; an earlier day would contradict it."""

EARLIEST_INDUCTION: Final = date(1999, 5, 7)
"""Earliest induction start that can be entered."""
QTS_EXEMPT_BEFORE: Final = date(2000, 5, 7)
"""Holders of QTS from before this day are exempt from induction."""
QTLS_BEGAN: Final = date(2012, 4, 1)
"""QTLS became a status by an Act that came into force on this day: the API takes no earlier date."""
REQUESTS_BEGAN: Final = date(2022, 1, 4)
"""First day on which applications asked for TRNs through the programming interface that records its requests."""
CPD_INDUCTIONS_BEGAN: Final = date(2021, 9, 1)
"""From then on the service for early-career teachers manages most inductions."""
