"""The build: dbt makes and tests every model aside, and only a build without a failure becomes what readers see."""

from warehouse.marts.candidate import drop_all as drop_candidates
from warehouse.marts.candidate import drop_expired as drop_expired_candidates
from warehouse.marts.failures import FailedBuild
from warehouse.marts.failures import last as failed_build
from warehouse.marts.health import examine as examine_builds
from warehouse.marts.stage import BuildReport, build

__all__ = [
    "BuildReport",
    "FailedBuild",
    "build",
    "drop_candidates",
    "drop_expired_candidates",
    "examine_builds",
    "failed_build",
]
