"""A migration of the source, read before it runs: what our publication makes of each statement (docs/adr/0021).

- `statements`: the file, cut into statements by PostgreSQL's own grammar, with those inside DO blocks;
- `sent`: what is published, from replication/trs.yml or from the source itself;
- `judge`: what each statement would meet. Pure. What is not known to be harmless is never called harmless;
- `check`: a whole file, and whether the deploy may continue.
"""

from __future__ import annotations

from warehouse.replicate.migration.check import Checked, check, read_file
from warehouse.replicate.migration.judge import Objection, judge
from warehouse.replicate.migration.sent import Sent, from_file, from_source
from warehouse.replicate.migration.statements import Statement, read

__all__ = [
    "Checked",
    "Objection",
    "Sent",
    "Statement",
    "check",
    "from_file",
    "from_source",
    "judge",
    "read",
    "read_file",
]
