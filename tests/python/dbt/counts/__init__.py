"""What marts say beside what the source says, worked out another way, by domain.

They are asked of a world with faults in it (test_build.py), and of one that lives on (tests/python/test_main_job.py).
"""

from __future__ import annotations

from typing import Final

from tests.python.dbt.counts import operations, people, statistics, workforce
from tests.python.dbt.counts.asked import Asked, Count, pairs

__all__ = ["COUNTS", "Asked", "Count"]

COUNTS: Final[dict[str, Count]] = {
    **pairs(people.PAIRS),
    **pairs(workforce.PAIRS),
    **pairs(statistics.PAIRS),
    **pairs(operations.PAIRS),
    "events of both stores": operations.events,
    "the backlog of sixty days": operations.backlog,
    "tasks and their working days": operations.turnaround,
}
