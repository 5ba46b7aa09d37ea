"""A destination, tried with a tiny object before a delivery needs it: write, name, read back, remove, and the room.

The object always has one name and one content, so that a place that lets nothing be removed keeps one of them, not one
for each time. Where the agreement lets nothing be read or removed, nothing is written.
"""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Iterator
from typing import Final

import google_crc32c

from warehouse.core.contracts import Proof
from warehouse.core.errors import DestinationRefused
from warehouse.deliver.destinations import Destination
from warehouse.deliver.destinations.base import Doing, How
from warehouse.deliver.files import FileFacts

NAME: Final = ".trw-probe"
CONTENT: Final = b"The Teaching Record Warehouse tries whether files can be put here. This one may be removed.\n"
LEAST_ROOM: Final = 1_000_000_000
"""Less free than this is a doubt: a delivery of a million rows takes about a tenth, and recipients keep several."""


def try_out(destination: Destination, proof: Proof) -> Iterator[str]:
    """Try what a delivery will do there.

    Args:
        proof: as agreed with the recipient, who may take away what is there, or let nothing be read.

    Yields:
        Doubts: what does not keep a delivery from being made, in words.

    Raises:
        DestinationRefused, DestinationFull: what would fail.
    """
    if proof is Proof.WRITE_ONLY:
        # Only a connection: what is written could not be taken away again.
        try:
            destination.read(NAME)
        except DestinationRefused as error:
            if error.denied is None:
                raise
    elif doubt := _write(destination, _facts(), proof):
        yield doubt
    room = destination.room()
    if room is not None and room < LEAST_ROOM:
        yield f"only {room / 1e6:,.0f} MB are free there"


def _write(destination: Destination, facts: FileFacts, proof: Proof) -> str | None:
    destination.create(facts, f"{NAME}.part", io.BytesIO(CONTENT), How(proof=proof))
    found = destination.matches(facts)
    if found is False:  # left alone: it may be another's
        hint = f"Remove {NAME} there, and check its disk and the network"
        raise destination.refused(f"{NAME} is not what this program writes into it", hint)
    if found:
        return _remove(destination)
    if proof is Proof.READ_BACK:
        return (
            f"{NAME} was gone as soon as it was written; if files are taken away there, the contract has to say "
            "`confirmation: pickUp`"
        )
    return None


def _remove(destination: Destination) -> str | None:
    """Take the object away; what to say where that is not allowed: a delivery needs it after a failure alone."""
    try:
        destination.remove(NAME)
    except DestinationRefused as error:
        if error.denied != Doing.REMOVING:
            raise
        return f"{NAME} stays there: nothing may be removed, so what a failed delivery leaves would stay as well"
    return None


def _facts() -> FileFacts:
    return FileFacts(
        name=NAME,
        kind="data",
        rows=None,
        bytes=len(CONTENT),
        sha256=hashlib.sha256(CONTENT).hexdigest(),
        md5=base64.b64encode(hashlib.md5(CONTENT, usedforsecurity=False).digest()).decode(),
        crc32c=base64.b64encode(google_crc32c.value(CONTENT).to_bytes(4, "big")).decode(),
    )
