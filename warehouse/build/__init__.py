"""The build: dbt makes and tests every model aside, and only a build without a failure becomes what readers see."""

from warehouse.build.candidate import drop_all as drop_candidates
from warehouse.build.stage import BuildReport, build

__all__ = ["BuildReport", "build", "drop_candidates"]
