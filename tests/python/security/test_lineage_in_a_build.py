"""A build with a renamed sensitive column is not published, and a delivery from a build that became one is not made."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from tests.python.conftest import FreshDatabases
from tests.python.marts.small import make_project, write
from warehouse.core.database import one
from warehouse.core.errors import ClassTooLow
from warehouse.core.lineage import kept, query
from warehouse.core.progress import Silent
from warehouse.core.terms import load_terms
from warehouse.marts import build

pytestmark = pytest.mark.slow

TODAY = date(2026, 10, 1)
PEOPLE = """
seeds:
  - name: people
    columns:
      - {name: n, config: {meta: {class: open}}}
      - {name: nino, config: {meta: {class: sensitive}}}
"""
TERM = "{% docs payroll_reference %}\n{# string, CLASS #}\nThe number of the payroll.\n{% enddocs %}\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = make_project(tmp_path, monkeypatch)
    (folder / "seeds").mkdir()
    (folder / "seeds" / "people.csv").write_text("n,nino\n1,QQ123456A\n2,QQ654321B\n")
    (folder / "seeds" / "people.yml").write_text(PEOPLE)
    with (folder / "dbt_project.yml").open("a") as handle:
        handle.write("seeds: {small: {+schema: seeds}}\n")
    say(folder, "open")
    write(folder, "staging/stg_one", "select n as x, nino from {{ ref('people') }}")
    write(folder, "marts/dim_one", "select x, 'PR' || nino as payroll_reference from {{ ref('stg_one') }}")
    return folder


def say(folder: Path, classification: str) -> None:
    page = load_terms.__defaults__[0] / "small.md"  # type: ignore[index]
    page.parent.mkdir(exist_ok=True)
    page.write_text(TERM.replace("CLASS", classification))


def test_it_is_refused_before_it_is_published(prepared: FreshDatabases, project: Path) -> None:
    with pytest.raises(ClassTooLow) as caught:
        build(prepared, TODAY, Silent())
    assert (
        "marts.dim_one.payroll_reference (open) ← staging.stg_one.nino (sensitive) ← seeds.people.nino (sensitive)"
        in caught.value.what
    )
    assert "QQ123456A" not in str(vars(caught.value))
    with prepared.at_warehouse() as reader:
        assert reader.execute("select state from ledger.builds").fetchall() == [("failed",)]
        assert reader.execute("select to_regclass('marts.dim_one')").fetchall() == [(None,)]

    say(project, "sensitive")
    first = build(prepared, TODAY, Silent())
    assert first.built

    # The same models, and a class that somebody lowers: there is nothing to build, and it is noticed.
    page = project / "models" / "field_dictionary" / "small.md"
    page.write_text(page.read_text().replace("sensitive", "open"))
    with pytest.raises(ClassTooLow):
        build(prepared, TODAY, Silent())

    # A model that cannot be read is not published either.
    say(project, "sensitive")
    write(project, "marts/dim_one", "select x, s::text as payroll_reference from {{ ref('stg_one') }} as s")
    with pytest.raises(ClassTooLow, match=r"marts\.dim_one"):
        build(prepared, TODAY, Silent())
    with prepared.at_warehouse() as reader:
        kept = reader.execute("select build_id from ledger.builds where lineage is not null and state = 'published'")
        assert kept.fetchall() == [(first.build_id,)]


def test_what_was_read_of_a_model_holds_on_another_day(
    prepared: FreshDatabases, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The day stands in the SQL of models; only SQL that differs in more is read once more."""
    say(project, "sensitive")
    write(project, "marts/dim_one", "select x, date '{{ var(\"as_at\") }}' - n as days from {{ ref('stg_one') }}")
    write(project, "staging/stg_one", "select n, n as x from {{ ref('people') }}")
    read, looked_at = query.read, list[str]()

    def noted(sql: str, *arguments: object) -> object:
        looked_at.append(sql)
        return read(sql, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(query, "read", noted)
    assert build(prepared, TODAY, Silent()).built
    assert len(looked_at) == 2
    assert build(prepared, TODAY + timedelta(days=1), Silent()).built
    assert len(looked_at) == 2
    write(project, "marts/dim_one", "select x, date '{{ var(\"as_at\") }}' - x as days from {{ ref('stg_one') }}")
    assert build(prepared, TODAY + timedelta(days=1), Silent()).built
    assert len(looked_at) == 3


def test_the_lineage_of_a_delivered_build_stays(prepared: FreshDatabases) -> None:
    """A changed rule finds with it the columns of delivered files; of the others nobody has a use for it."""
    with prepared.at_warehouse() as warehouse:
        made = "insert into ledger.builds (as_at, project_sha256, lineage) values (now(), '', '{}') returning build_id"
        delivered, superseded, published = (one(warehouse, made)[0] for _ in range(3))
        warehouse.execute(
            "insert into ledger.deliveries (delivery_id, recipient, extract, period, state, contract_version,"
            " contract_sha256, model, build_id)"
            " values ('a/b/2026-09', 'a', 'b', '2026-09', 'planned', '1', '', 'm', %s)",
            (delivered,),
        )
        kept.forget_others(warehouse, published)
        having = warehouse.execute("select build_id from ledger.builds where lineage is not null order by 1").fetchall()
        assert having == [(delivered,), (published,)]
        assert superseded not in [number for (number,) in having]
