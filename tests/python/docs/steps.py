"""The steps of docs/how-to.md, as something that can be done in a copy of the project, each with its check."""

from __future__ import annotations

from tests.python.core.test_contract_sync import fill
from tests.python.deliver.test_growth import SHELF
from tests.python.docs.growing import Growing
from tests.python.docs.taking import DOCS, Do, Step, both, insert, make_docs, write

WHERE = {
    "test_staging_has_every_replicated_column_and_no_other": "dbt/test_staging.py",
    "test_a_model_lists_what_it_selects_and_nothing_else": "dbt/test_fields.py",
    "test_every_term_of_the_field_dictionary_is_used": "dbt/test_fields.py",
    "test_every_replicated_table_is_a_source": "dbt/test_staging.py",
    "test_every_replicated_table_says_what_is_true_on_a_day": "dbt/test_staging.py",
    "test_every_replicated_table_has_a_staging_model": "dbt/test_staging.py",
    "test_one_sql_and_one_yml_of_the_same_name_side_by_side": "dbt/test_layers.py",
    "test_contract_is_enforced": "dbt/test_fields.py",
    "test_what_the_yaml_says_is_tested_once": "dbt/test_fields.py",
    "test_what_breaks_a_rule_is_a_row_with_a_reason": "dbt/test_house_rules.py",
    "test_each_contract_of_the_product_says_what_its_model_says": "core/test_contract_sync.py",
    "test_every_extract_has_an_exposure_with_an_owner": "dbt/test_layers.py",
    "test_every_kind_of_destination_has_its_module": "deliver/test_kinds.py",
    "test_every_module_of_a_destination_is_a_kind": "deliver/test_kinds.py",
    "test_deliveries_are_tried_at_every_kind_of_destination": "deliver/test_kinds.py",
    "test_every_replicated_table_says_how_its_rows_belong_to_persons": "erase/test_rules.py",
    "test_a_reference_page_is_current": "docs/test_docs.py",
    "test_a_guard_has_a_test": "replicate/test_guards.py",
    "test_every_drill_ends_by_proving_content_and_history": "drills/test_rules.py",
    "test_every_drill_can_be_played_again_from_its_seed": "drills/test_rules.py",
    "test_every_drill_is_marked_slow": "drills/test_rules.py",
    "test_what_a_drill_shows_is_listed": "drills/test_rules.py",
}
"""The file of each test that the page names, below tests/python."""

# ---- a column: persons.preferred_language, from the source to a recipient

_CONTRACT_LINE = insert(
    "exports/tad/teachers.odcs.yaml", "      - name: previous_last_names\n", "      - name: preferred_language\n"
)


def sync_contract(copy: Growing) -> None:
    copy.warehouse("contract", "sync", "tad/teachers", writes="exports/tad/teachers.odcs.yaml")


COLUMN = (
    Step(
        insert("replication/trs.yml", "      last_names: {class: sensitive,", "      preferred_language: personal\n"),
        "test_staging_has_every_replicated_column_and_no_other",
    ),
    Step(
        insert(
            "models/staging/trs/stg_trs__persons.sql",
            "        {{ as_text('source.last_name') }} as last_name,\n",
            "        {{ as_text('source.preferred_language') }} as preferred_language,\n",
        ),
        "test_staging_has_every_replicated_column_and_no_other",
    ),
    Step(
        insert(
            "models/field_dictionary/person.md",
            "{% docs last_name %}",
            "{% docs preferred_language %}\n{# string, personal #}\nThe language in which the person wants letters.\n"
            "{% enddocs %}\n\n",
        ),
        "make docs",
    ),
    Step(
        insert(
            "models/marts/people/dim_person.sql",
            "        described.last_name,\n",
            "        described.preferred_language,\n",
        ),
        "test_every_term_of_the_field_dictionary_is_used",
        starts=True,
    ),
    Step(
        insert(
            "models/extracts/tad/tad_teachers.sql",
            "        over_all_records.previous_last_names,\n",
            "        teachers.preferred_language,\n",
        ),
        "test_each_contract_of_the_product_says_what_its_model_says",
    ),
    Step(make_docs, "test_a_model_lists_what_it_selects_and_nothing_else"),
    Step(
        both(_CONTRACT_LINE, sync_contract),
        "test_each_contract_of_the_product_says_what_its_model_says",
        instead=_CONTRACT_LINE,
    ),
)

COLUMN_BY_HAND = {
    "replication/trs.yml",
    "models/staging/trs/stg_trs__persons.sql",
    "models/field_dictionary/person.md",
    "models/marts/people/dim_person.sql",
    "models/extracts/tad/tad_teachers.sql",
    "exports/tad/teachers.odcs.yaml",
}
"""What a person changes for a new column: six files, none of them Python."""
COLUMN_BY_COMMAND = {
    "models/marts/people/dim_person.yml",
    "models/extracts/tad/tad_teachers.yml",
    "docs/models.md",
    "replication/classes.csv",
}
"""What `make docs` writes for it."""

# ---- a table: eyts_awarded_emails_jobs, which replication/trs.yml leaves behind until now

_TABLE = "eyts_awarded_emails_jobs"
_LEFT_BEHIND = """    replicate: false
    because: the e-mails themselves are in emails
    columns:
      eyts_awarded_emails_job_id: open
      awarded_to_utc: open
"""
_STAGED = f"""with

source as (

    select * from {{{{ replica('{_TABLE}') }}}}

),

final as (

    select
        {{{{ as_text('source.eyts_awarded_emails_job_id') }}}} as eyts_awarded_emails_job_id,
        {{{{ finite('source.awarded_to_utc') }}}} as awarded_to_utc,
        {{{{ finite('source.executed_utc') }}}} as executed_utc,
        {{{{ infinite_count(['source.awarded_to_utc', 'source.executed_utc']) }}}} as infinite_value_count,
        {{{{ original_dates(['source.awarded_to_utc', 'source.executed_utc']) }}}} as dates_out_of_range
    from source

)

select * from final
"""
_STAGED_YML = f"""version: 2

models:
  - name: stg_trs__{_TABLE}
    config:
      meta:
        grain: [eyts_awarded_emails_job_id]
    data_tests:
      - as_described
    columns:
      - name: dates_out_of_range
        config: {{meta: {{readable_dates: true}}}}
"""


def classify_table(copy: Growing) -> None:
    path = "replication/trs.yml"
    copy.write(path, copy.read(path).replace(_LEFT_BEHIND, _LEFT_BEHIND.split("\n", 2)[2]))


def of_table(line: str) -> Do:
    """A line of the table's entry, above its columns, whatever has been said in it before."""

    def do(copy: Growing) -> None:
        path = "replication/trs.yml"
        copy.write(path, copy.read(path).replace(f"  {_TABLE}:\n", f"  {_TABLE}:\n    {line}\n"))

    return do


TABLE = (
    Step(classify_table, "test_every_replicated_table_is_a_source"),
    Step(
        of_table("no_person: jobs of the application"),
        "test_every_replicated_table_says_how_its_rows_belong_to_persons",
    ),
    Step(
        of_table("as_at: {key: [eyts_awarded_emails_job_id], since: first_copy}"),
        "test_every_replicated_table_says_what_is_true_on_a_day",
    ),
    Step(
        insert(
            "models/staging/trs/_trs__sources.yml",
            "      - name: induction_exemption_reasons\n",
            f"      - name: {_TABLE}\n        description: 'Jobs that sent e-mails about awards of EYTS.'\n",
        ),
        "test_every_replicated_table_is_a_source",
    ),
    Step(
        write(f"models/staging/trs/stg_trs__{_TABLE}.sql", _STAGED), "test_every_replicated_table_has_a_staging_model"
    ),
    Step(
        write(f"models/staging/trs/stg_trs__{_TABLE}.yml", _STAGED_YML),
        "test_one_sql_and_one_yml_of_the_same_name_side_by_side",
    ),
    DOCS,
)

# ---- a mart: degree types

_MART = "models/marts/qualifications/dim_degree_type"
_MART_SQL = """with

degree_types as (

    select * from {{ ref('stg_trs__degree_types') }}

),

final as (

    select
        degree_types.degree_type_id,
        degree_types.name as degree_type_title
    from degree_types

)

select * from final
"""
_MART_YML = """version: 2

models:
  - name: dim_degree_type
    description: One row per degree type that a route to a professional status can name.
    config:
      meta:
        grain: [degree_type_id]
    columns:
      - name: degree_type_id
        data_type: string
        description: '{{ doc("degree_type_id") }}'
"""
_TERM = """{% docs degree_type_title %}
{# string, open #}
What the degree type is called.
{% enddocs %}

"""

MART = (
    Step(write(f"{_MART}.sql", _MART_SQL), "test_one_sql_and_one_yml_of_the_same_name_side_by_side"),
    Step(write(f"{_MART}.yml", _MART_YML), "test_one_sql_and_one_yml_of_the_same_name_side_by_side", starts=True),
    Step(insert(f"{_MART}.yml", "      meta:\n", "      contract: {enforced: true}\n"), "test_contract_is_enforced"),
    Step(
        insert(f"{_MART}.yml", "    columns:\n", "    data_tests:\n      - as_described\n"),
        "test_what_the_yaml_says_is_tested_once",
    ),
    Step(
        insert("models/field_dictionary/route.md", "{% docs degree_type_name %}", _TERM),
        "make docs",
    ),
    Step(
        insert(
            "tests/python/dbt/house_rules.csv",
            "a model with a rule has a unit test,int_day__numbered",
            "a model with a rule has a unit test,dim_degree_type,A list of the application as it is.\n",
        ),
        "test_what_breaks_a_rule_is_a_row_with_a_reason",
    ),
    Step(make_docs, "test_a_model_lists_what_it_selects_and_nothing_else"),
)

# ---- an extract: a file for Ofsted, with the columns of the Teacher Analysis Division's

_CONTRACT = "exports/ofsted/teachers.odcs.yaml"


def write_extract(copy: Growing) -> None:
    for ending in ("sql", "yml"):
        text = copy.read(f"models/extracts/tad/tad_teachers.{ending}")
        copy.write(f"models/extracts/ofsted/ofsted_teachers.{ending}", text.replace("tad_", "ofsted_"))


def new_contract(copy: Growing) -> None:
    copy.warehouse("contract", "new", "ofsted/teachers", writes=_CONTRACT)


def fill_gaps(copy: Growing) -> None:
    if (copy.folder / _CONTRACT).exists():
        copy.write(_CONTRACT, fill(copy.read(_CONTRACT)))


EXTRACT = (
    Step(write_extract, "warehouse contract new"),
    Step(new_contract, "test_every_extract_has_an_exposure_with_an_owner"),
    Step(fill_gaps, "warehouse contract check"),
    Step(lambda copy: copy.write(".env", "WAREHOUSE_DESTINATION_OFSTED=/nowhere\n"), "warehouse run"),
    DOCS,
)

# ---- a destination: the shelf that tests/python/deliver/test_growth.py delivers to

DESTINATION = (
    Step(
        insert(
            "warehouse/core/destinations.py",
            "    FOLDER,\n",
            '    Kind("shelf", "shelf", ("shelf",), "shelf:///path"),\n',
        ),
        "test_every_module_of_a_destination_is_a_kind",
    ),
    Step(write("warehouse/deliver/destinations/shelf.py", SHELF), "test_every_kind_of_destination_has_its_module"),
    Step(
        insert("tests/python/deliver/conftest.py", '"azure_blob")\n"""', '"shelf", '),
        "test_deliveries_are_tried_at_every_kind_of_destination",
    ),
    DOCS,
)

# ---- a drill

_DRILL = "tests/python/drills/test_forgotten_lock.py"
_DRILL_TEXT = '''"""A session that keeps a lock on a table of the replica."""

from __future__ import annotations

import random

from tests.python.drills.harness import Drill
MARK

def test_a_lock_that_somebody_forgot(drill: Drill) -> None:
    drill.sync()
    chance = random.Random(SEED)
    drill.begin()
    with drill.databases.at_warehouse() as warehouse, warehouse.transaction():
        warehouse.execute("lock table persons in share mode")
        drill.work(chance.randrange(20, 80))
    drill.recover()
END
'''
_ROW = (
    "Publication and subscription,a session keeps a lock on a table of the replica,status names it,57,"
    "drills/test_forgotten_lock.py::test_a_lock_that_somebody_forgot\n"
)


def in_drill(old: str, new: str) -> Do:
    def do(copy: Growing) -> None:
        if (copy.folder / _DRILL).exists():
            copy.write(_DRILL, copy.read(_DRILL).replace(old, new))

    return do


def add_guard(copy: Growing) -> None:
    path = "tests/python/replicate/guards.csv"
    copy.write(path, copy.read(path) + _ROW)


DRILL = (
    Step(write(_DRILL, _DRILL_TEXT), "test_a_guard_has_a_test"),
    Step(in_drill("END\n", "    drill.finish()\n"), "test_every_drill_ends_by_proving_content_and_history"),
    Step(
        in_drill("SEED", 'f"{drill.seed}-lock"'),
        "test_every_drill_can_be_played_again_from_its_seed",
    ),
    Step(in_drill("MARK\n", "\npytestmark = pytest.mark.slow\n"), "test_every_drill_is_marked_slow"),
    Step(add_guard, "test_what_a_drill_shows_is_listed"),
    DOCS,
)
PLACEHOLDERS = {"END\n": "    drill.rest()\n", "SEED": "1", "MARK\n": "\n"}
"""What the drill has in the place of a step that was forgotten."""

GUIDES = {
    "A column": COLUMN,
    "A table": TABLE,
    "A mart": MART,
    "An extract": EXTRACT,
    "A destination": DESTINATION,
    "A drill": DRILL,
}
"""The lists of the page, by their headings."""
