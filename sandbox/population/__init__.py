"""A believable, repeatable population for the operational schema."""

from sandbox.population.populate import AlreadyPopulatedError, populate

__all__ = ["AlreadyPopulatedError", "populate"]
