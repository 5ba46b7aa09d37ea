"""The build: dbt makes and tests every model aside, and only a build without a failure becomes what readers see."""

from warehouse.build.candidate import drop_all as drop_candidates
from warehouse.build.health import Health
from warehouse.build.health import examine as examine_builds
from warehouse.build.stage import BuildReport, build

__all__ = ["BuildReport", "Health", "build", "drop_candidates", "examine_builds"]
