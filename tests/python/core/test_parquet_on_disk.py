"""How Parquet files of ours are written: whoever makes or rewrites one, the same rows give the same bytes."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet

from warehouse.core.parquet_on_disk import WRITER, writing
from warehouse.core.settings import PROJECT

ROWS: Final = 50_000


def test_a_column_of_distinct_values_gets_a_small_dictionary(tmp_path: Path) -> None:
    """Values that repeat keep theirs, however many rows there are."""
    own = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(ROWS)]
    table = pa.table({"own": own, "repeated": [f"value {number % 50}" for number in range(ROWS)]})
    path = tmp_path / "rows.parquet"
    with writing(path, table.schema) as writer:
        writer.write_table(table)
    with pyarrow.parquet.ParquetFile(path) as file:
        assert file.read().equals(table)
        group = file.metadata.row_group(0)
    distinct, few = group.column(0), group.column(1)
    assert 0 < distinct.data_page_offset - distinct.dictionary_page_offset < 80_000
    assert "PLAIN" in distinct.encodings
    assert few.total_compressed_size < ROWS
    assert "KiB" in WRITER
    assert pa.__version__ in WRITER


def test_every_file_is_written_here() -> None:
    """A second place with settings of its own would give an erased file other bytes than a new one."""
    places = [
        path.relative_to(PROJECT).as_posix()
        for path in (PROJECT / "warehouse").rglob("*.py")
        if "ParquetWriter(" in path.read_text(encoding="utf-8")
    ]
    assert places == ["warehouse/core/parquet_on_disk.py"]
