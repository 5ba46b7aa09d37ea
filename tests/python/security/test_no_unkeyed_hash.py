"""No identifier of a person is hashed without a key: every place that hashes is listed, with what it hashes."""

from __future__ import annotations

import re

from warehouse.core.settings import PROJECT

HASHES = {
    "macros/releases/keyed_pseudonym.sql": "HMAC, by a key that the caller holds",
    "warehouse/core/builds.py": "the structure of a table",
    "warehouse/core/contracts/load.py": "a contract's file",
    "warehouse/core/json_rule.py": "a rule of the file",
    "warehouse/replicate/secrets/scan.py": "the rules that a scan went by",
    "warehouse/core/ledger/migrations/__init__.py": "a file of the ledger",
    "warehouse/core/lineage/project.py": "a model's SQL",
    "warehouse/core/whole_files.py": "a whole file",
    "warehouse/deliver/compare_rows.py": "whole rows, compared within one command and not stored",
    "warehouse/deliver/destinations/azure_blob.py": "a piece of a file, and a whole file",
    "warehouse/deliver/destinations/folder.py": "a whole file",
    "warehouse/deliver/destinations/sftp.py": "a whole file",
    "warehouse/deliver/files.py": "a whole file",
    "warehouse/deliver/known_values.py": "values that are compared, behind a random salt that is not stored",
    "warehouse/deliver/pseudonyms.py": "the order of rows: behind a salt that is an HMAC by the key, and not stored",
    "warehouse/deliver/recover.py": "a whole manifest",
    "warehouse/deliver/stored.py": "a line of a kind that the layout lacks, within one comparison",
    "warehouse/deliver/try_out.py": "a file that says that it was a trial",
    "warehouse/deliver/upload.py": "a whole manifest",
    "warehouse/deliver/values.py": "all rows of a file, to one digest",
    "warehouse/erase/stored.py": "a whole file",
    "warehouse/erase/subject.py": "the person of an erasure that is under way, behind a random salt",
    "warehouse/marts/content.py": "rows of a build, compared within one statement",
    "warehouse/marts/inputs.py": "the project, and counts of rows",
    "warehouse/replicate/catalog/meaning.py": "a column's default",
    "warehouse/replicate/classification.py": "a rule of replication/trs.yml",
    "warehouse/replicate/compare/proof.py": "names and numbers of tables",
    "warehouse/replicate/compare/row_hash.py": "whole rows, added up by ranges",
    "warehouse/replicate/history/digest.py": "whole versions, many to a digest",
    "warehouse/replicate/history/seals.py": "digests of months",
    "warehouse/replicate/history/views.py": "a view's definition",
    "warehouse/replicate/rule_lines.py": "lines of replication/trs.yml",
    "warehouse/replicate/replica/filtered.py": "a trigger's definition",
    "warehouse/replicate/stream/marks.py": "the settings of a subscription",
}

_HASH = re.compile(
    r"\b(?:md5|sha1|sha224|sha256|sha384|sha512|blake2[bs]|crypt|farm_fingerprint|to_hex)\(|hashlib\.\w+\("
)
_PARTS = ("warehouse", "models", "macros", "seeds")


def test_every_place_that_hashes_is_listed_and_none_hashes_an_identifier() -> None:
    found = {
        str(path.relative_to(PROJECT))
        for part in _PARTS
        for path in (PROJECT / part).rglob("*")
        if path.suffix in (".py", ".sql") and _HASH.search(path.read_text(encoding="utf-8"))
    }
    assert found - set(HASHES) == set(), "say what is hashed, or use warehouse.core.keys"
    assert set(HASHES) - found == set()
