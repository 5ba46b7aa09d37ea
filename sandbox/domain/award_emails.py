"""The weekly runs that send e-mails about awards and completed inductions: a table of runs, and one of their items."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class AwardEmails:
    """One kind of run: the name that its tables begin with, and the column that says up to when it looked."""

    name: str
    until: str

    @property
    def jobs(self) -> str:
        """The table of runs."""
        return f"{self.name}_emails_jobs"

    @property
    def items(self) -> str:
        """The table of the people of a run."""
        return f"{self.name}_emails_job_items"

    @property
    def key(self) -> str:
        """The column that identifies a run."""
        return f"{self.name}_emails_job_id"


QTS: Final = AwardEmails("qts_awarded", "awarded_to_utc")
OVERSEAS_QTS: Final = AwardEmails("international_qts_awarded", "awarded_to_utc")
EYTS: Final = AwardEmails("eyts_awarded", "awarded_to_utc")
INDUCTION: Final = AwardEmails("induction_completed", "passed_end_utc")
ALL: Final = (QTS, OVERSEAS_QTS, EYTS, INDUCTION)
