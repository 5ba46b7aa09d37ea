"""A believable, repeatable population for the operational schema."""

from sandbox.population.populate import DEFAULT_PEOPLE, DEFAULT_SEED, DEFAULT_TODAY, AlreadyPopulatedError, populate

__all__ = ["DEFAULT_PEOPLE", "DEFAULT_SEED", "DEFAULT_TODAY", "AlreadyPopulatedError", "populate"]
