"""Sessions of an erasure: a server's log gets nothing of the person from them, whatever it logs of statements."""

from __future__ import annotations

import psycopg
from psycopg import sql

from warehouse.core.database import one
from warehouse.core.statistics import if_allowed

_OWN = (
    # A plan of its own for each set of values would show them to an extension that logs plans.
    "set plan_cache_mode = force_generic_plan",
    "set log_parameter_max_length_on_error = 0",
)
_LOGGED = """
select current_setting('log_parameter_max_length') <> '0' and (
    current_setting('log_statement') in ('mod', 'all')
    or current_setting('log_min_duration_statement') <> '-1'
    or (current_setting('log_min_duration_sample') <> '-1' and current_setting('log_statement_sample_rate')::float > 0)
    or current_setting('log_transaction_sample_rate')::float > 0
)
"""


def begin(connection: psycopg.Connection, of: str) -> list[str]:
    """Keep the values of our statements out of the server's log; returns what this user could not prevent.

    No statement has a value of the person in its text. The values travel as parameters, and a server logs those, too.

    Args:
        of: the server, in a sentence.
    """
    for statement in _OWN:
        connection.execute(statement.encode())
    if if_allowed(connection, sql.SQL("set log_parameter_max_length = 0")):
        return []
    if not one(connection, _LOGGED)[0]:
        return []
    return [
        f"The log of {of}'s server has the identifiers that this command looked for: it logs statements with their "
        "values. Its administrator prevents that by: grant set on parameter log_parameter_max_length to the user."
    ]
