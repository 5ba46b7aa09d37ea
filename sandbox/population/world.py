"""What every chunk of people needs to know: the day, the seed, and the rows that are made once for all."""

import datetime
from dataclasses import dataclass

import numpy as np

from sandbox.population.arrays import moment
from sandbox.population.columns import Providers
from sandbox.population.draw import stream
from sandbox.population.establishments import Establishments
from sandbox.population.users import Users


@dataclass(frozen=True)
class World:
    """The fixed part of the world."""

    seed: int
    people: int
    today: datetime.date
    users: Users
    providers: Providers
    establishments: Establishments

    @property
    def now(self) -> np.datetime64:
        """The first moment of today as a day: nothing in the population happens on it or later."""
        return np.datetime64(self.today, "D")

    @property
    def moment(self) -> np.datetime64:
        """The first moment of today."""
        return moment(self.today)

    def stream(self, topic: str, chunk: int = 0) -> np.random.Generator:
        """The random stream of one topic in one chunk."""
        return stream(self.seed, topic, chunk)
