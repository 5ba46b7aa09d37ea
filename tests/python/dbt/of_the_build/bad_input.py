"""Bad input in every place that can have it: nothing is lost, and each row is marked, counted and listed."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, Final

from warehouse.core import fast_yaml
from warehouse.core.settings import PROJECT

if TYPE_CHECKING:
    from tests.python.dbt.built import Built

STAGING: Final = PROJECT / "models/staging/trs"
UNKNOWN: Final = "unknown (99)"


def coded() -> list[tuple[str, str]]:
    """Each column of a replicated table whose codes staging labels, with its table."""
    label = re.compile(r"label_of\(\s*'source\.(\w+)'")
    files = sorted(STAGING.glob("stg_trs__*.sql"))
    return [
        (file.stem.removeprefix("stg_trs__"), column)
        for file in files
        for column in label.findall(file.read_text(encoding="utf-8"))
    ]


def key_of(table: str) -> list[str]:
    """The columns that identify a row of a replicated table."""
    described = fast_yaml.safe_load((STAGING / f"stg_trs__{table}.yml").read_text(encoding="utf-8"))
    key: list[str] = described["models"][0]["config"]["meta"]["grain"]
    return key


# Rows are chosen by a hash of themselves, each for one fault, and none that another fault of this world has changed.
_NEXT: Final = (
    "(select ctid from {table} where {column} is not null {more} order by md5({table}::text) limit 1 offset {n})"
)


def _codes() -> str:
    """In each coded column of the source one code that no seed knows."""
    seen: dict[str, int] = defaultdict(int)
    text = ""
    for table, column in coded():
        seen[table] += 1
        more = f"and {column}::text <> all ('{{4,7,9,99}}')"
        if table == "qualifications":
            more += " and deleted_on is null and qualification_type = " + ("0" if column.startswith("mq_") else "1")
        if column == "qualification_type":
            more += " and status <> 1"
        chosen = _NEXT.format(table=table, column=column, more=more, n=seen[table] % 3)
        text += f"update {table} set {column} = '99' where ctid = {chosen};\n"
    return text


# An event of each name without anything, and one in which everything has another form than it should have.
_WRONG: Final = """{"PersonId": {"Id": 1}, "Changes": "many", "RaisedBy": [1], "Status": {}, "Reason": [],
    "Induction": 7, "OldInduction": [], "PersonDetails": "none", "Alert": null, "RouteToProfessionalStatus": [],
    "Email": 1, "Trn": {}}"""

# No event of TRS is as old.
_DAY: Final = "1999-12-31"

_EVENTS: Final = f"""
insert into events (event_id, event_name, created, inserted, payload, published, person_ids)
select gen_random_uuid(), event_name, '{_DAY} 12:00Z', '{_DAY} 12:00Z', payload::jsonb, true, '{{}}'
from (select distinct event_name from events) as names, (values ('{{}}'), ('{_WRONG}'), ('[]'), ('7')) as bad (payload);
insert into process_events (process_event_id, process_id, event_name, payload, person_ids, one_login_user_subjects,
    support_task_references, created_on)
select gen_random_uuid(), (select min(process_id::text)::uuid from processes where user_id is not null), event_name,
    payload::jsonb, '{{}}', '{{}}', '{{}}', '{_DAY} 12:00Z'
from (select distinct event_name from process_events) as names, (values ('{{}}'), ('{_WRONG}')) as bad (payload);
"""


FAULTS: Final = _codes() + _EVENTS


class TestBadInput:
    def test_an_unknown_code_in_any_column_is_labelled_and_listed_with_its_row(self, built: Built) -> None:
        columns = coded()
        assert len(columns) > 35
        for table, column in columns:
            key = key_of(table)
            as_text = ", ".join(f"{name}::text" for name in key)
            rows = built.rows(f"select {as_text} from {table} where {column}::text = '99'")
            assert rows, (table, column)
            kept = f"select {as_text} from stg_trs__{table} where {column}_label = '{UNKNOWN}'"
            assert sorted(built.rows(kept)) == sorted(rows), (table, column)
            found = built.found(f"as_described_stg_trs__{table}_", "breach_column", "breach_value", *key)
            assert {(f"{column}_label", UNKNOWN, *row) for row in rows} <= found, (table, column)

    def test_an_event_of_any_name_without_what_it_should_have_is_kept_and_marked(self, built: Built) -> None:
        empty = f"select event_id::text from events where payload in ('{{}}', '[]', '7') and created = '{_DAY} 12:00Z'"
        names = built.number("select count(distinct event_name) from events")
        ids = {row[0] for row in built.rows(empty)}
        assert len(ids) == 3 * names > 100
        lists = "select event_store, event_name, names_person as should from aside_seeds.trs_event_names"
        marts = f"""select e.event_id from fct_event e left join ({lists}) n
            on n.event_store = e.event_stores and n.event_name = e.event_name
            where e.lacks_raised_by and (e.lacks_person or not coalesce(n.should, false))"""
        assert ids <= {row[0] for row in built.rows(marts)}
        # What has another form than it should have is as good as missing.
        wrong = f"select count(*) from fct_event where event_date = '{_DAY}'"
        assert built.number(wrong) > len(ids)
        assert built.number(f"{wrong} and (person_id is not null or event_reason_source = 'event')") == 0
