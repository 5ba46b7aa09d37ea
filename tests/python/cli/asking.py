"""What the tests of `warehouse sql` ask it by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass
class Asked:
    """What a command said."""

    code: int
    out: str
    err: str


Ask = Callable[..., Asked]
