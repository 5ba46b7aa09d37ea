"""What can no longer be made again as it was sent, and why."""

from __future__ import annotations

import psycopg
import pytest

from warehouse.core.ledger import migrate
from warehouse.deliver.ledger import Ledger
from warehouse.deliver.recreatable import cannot_be_recreated

pytestmark = pytest.mark.slow

ROWS = """
insert into ledger.deliveries (
    delivery_id, recipient, extract, period, state, contract_version, contract_sha256, model
) select 'tad/teachers/' || p, 'tad', 'teachers', p, 'planned', '1.0.0', '', 'm'
from unnest(array['2026-06', '2026-07', '2026-08', '2026-09']) as p;
insert into ledger.erasures default values;
insert into ledger.erasures default values;
insert into ledger.erased_deliveries (erasure_id, delivery_id, name, held, found) values
    (1, 'tad/teachers/2026-07', 'a.csv', 'by the recipient', 'by dates'),
    (1, 'tad/teachers/2026-08', 'a.csv', 'by the recipient', 'by the index'),
    (2, 'tad/teachers/2026-08', 'a.csv', 'here', 'read'),
    (2, 'tad/teachers/2026-09', 'a.csv', 'here', 'read');
insert into ledger.rule_changes (table_name, column_name, file_sha256) values ('persons', 'trn', '');
insert into ledger.rule_files (change_id, delivery_id, name, held, columns, old_sha256)
values (1, 'tad/teachers/2026-09', 'a.csv', 'here', '{trn}', '');
"""


def test_what_was_taken_out_of_the_history_is_not_made_again(conninfo: str) -> None:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        migrate(connection)
        connection.execute(ROWS.encode())
        ledger = Ledger(connection)
        assert cannot_be_recreated(ledger, "tad/teachers/2026-06") is None
        # Whether they were in it nobody knows: the hashes will say.
        assert cannot_be_recreated(ledger, "tad/teachers/2026-07") is None
        assert cannot_be_recreated(ledger, "tad/teachers/2026-08") == (
            "erasures 1, 2 took people of it out of the history for good, so its first SHA-256 cannot come out again"
        )
        reason = cannot_be_recreated(ledger, "tad/teachers/2026-09")
        assert reason is not None and reason.startswith("erasure 2 took people of it and change 1 of the rules of")
