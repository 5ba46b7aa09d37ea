"""The build: dbt makes and tests every model aside, and only a build without a failure takes the readers' place."""

from warehouse.build.stage import BuildReport, build

__all__ = ["BuildReport", "build"]
