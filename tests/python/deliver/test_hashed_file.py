"""A file that is written and hashed on a thread of its own: what is stated of it is what lies on the disk."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.deliver import hashed_file
from warehouse.deliver.files import facts_of
from warehouse.deliver.hashed_file import HashedFile
from warehouse.deliver.in_order import InOrder


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("files")


@given(pieces=st.lists(st.binary(max_size=40), max_size=20), at_once=st.integers(1, 60), taken=st.integers(1, 50))
def test_what_is_stated_of_it_is_what_lies_on_the_disk(
    place: Path, pieces: list[bytes], at_once: int, taken: int
) -> None:
    """Whatever the size of the pieces, and where the system takes a part of each only."""
    path = place / "x"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hashed_file, "_PIECE", at_once)
        file = HashedFile(path)
        write = file._handle.write
        file._handle = _Takes(file._handle, lambda piece: write(piece[:taken]))  # type: ignore[assignment]
        for piece in pieces:
            assert file.write(piece) == len(piece)
        assert file.tell() == sum(map(len, pieces))
        file.close()
        file.close()
    assert path.read_bytes() == b"".join(pieces)
    assert file.checksums.facts("x", 7) == facts_of(path, "x", 7)


class _Takes:
    """An open file whose `write` is another."""

    def __init__(self, handle: object, write: object) -> None:
        self._handle, self.write = handle, write

    def __getattr__(self, name: str) -> object:
        return getattr(self._handle, name)


def test_a_memory_that_its_writer_uses_again_is_kept_as_it_was(tmp_path: Path) -> None:
    buffer = bytearray(b"first")
    file = HashedFile(tmp_path / "x")
    file.write(memoryview(buffer))
    buffer[:] = b"other"
    file.close()
    assert (tmp_path / "x").read_bytes() == b"first"


def test_a_full_disk_is_said_once_and_the_file_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashed_file, "_PIECE", 1)
    file = HashedFile(Path("/dev/full"))
    with pytest.raises(OSError, match="No space"):
        for _ in range(10):
            file.write(b"a")
    file.close()
    assert file._handle.closed


def test_who_brings_more_than_may_wait_waits() -> None:
    """So that memory does not grow with the rows."""
    may_go, done = threading.Event(), list[int]()
    work = InOrder("x", waiting=2)
    for number in range(2):
        work.do(lambda number: (may_go.wait(60), done.append(number)), number)
    third = threading.Thread(target=work.do, args=(done.append, 2))
    third.start()
    third.join(0.2)
    assert third.is_alive()
    assert done == []
    may_go.set()
    third.join(60)
    work.finish()
    assert done == [0, 1, 2]


def test_a_failure_is_raised_and_its_thread_ends() -> None:
    work, done = InOrder("of_this_test", waiting=3), list[int]()
    work.do(lambda: 1 // 0)
    work.do(done.append, 1)
    with pytest.raises(ZeroDivisionError):
        work.finish()
    assert done == [], "what comes after a failure is left undone"
    assert not [one for one in threading.enumerate() if one.name.startswith("of_this_test")]
