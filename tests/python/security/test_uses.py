"""What no mart and no recipient uses is not replicated: each sensitive column that comes says what for."""

from __future__ import annotations

from docs.replicated import meanings, uses
from warehouse.replicate import load_classification


def test_each_sensitive_column_that_is_replicated_names_its_use() -> None:
    classification = load_classification()
    sensitive = {
        (table, name)
        for table, names in classification.published.items()
        for name in names
        if classification.tables[table].columns[name].classification == "sensitive"
    }
    named = {(table, name) for table, columns in uses().items() for name in columns}
    assert sensitive == named, "give it a use in replication/uses.yml, or leave it behind in replication/trs.yml"
    assert {use for columns in uses().values() for why in columns.values() for use in why} == set(meanings())
    assert all(why for columns in uses().values() for why in columns.values())


def test_what_stays_behind_says_why() -> None:
    for name, table in load_classification().tables.items():
        for column, line in table.columns.items():
            assert line.is_published or line.because or line.classification == "secret", f"{name}.{column}"
