"""The life of the sandbox's operational world: days of working life, and load at a given rate.

`advance` plays days as real transactions on a synthetic operational database; `stream` writes at a steady rate.
"""

from sandbox.life.advance import advance
from sandbox.life.clock import LifeError, LifeInProgressError, WorldNotReadyError
from sandbox.life.stream import StreamReport, stream

__all__ = ["LifeError", "LifeInProgressError", "StreamReport", "WorldNotReadyError", "advance", "stream"]
