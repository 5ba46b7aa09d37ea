"""`make mutants`: small faults in the models, one at a time, and whether the models' unit tests notice them."""

from __future__ import annotations

import argparse
import random
import sys

from mutants.accepted import load_accepted
from mutants.database import BuildFailed, empty_database
from mutants.report import Report
from mutants.run import UnknownModel, try_project
from warehouse.core.settings import PROJECT


def main() -> int:
    """Print the tables and the total; 0 when enough is noticed and every other change has its reason."""
    parser = argparse.ArgumentParser(prog="python -m mutants", description=__doc__)
    parser.add_argument("models", nargs="*", help="only these models")
    parser.add_argument("--per-model", type=int, help="at most so many changes of each model")
    parser.add_argument("--seed", type=int, default=random.randrange(10_000), help="chooses them")
    parser.add_argument("--all", action="store_true", help="show the noticed ones as well")
    arguments = parser.parse_args()
    accepted = load_accepted()
    try:
        with empty_database() as conninfo:
            tried = try_project(PROJECT, conninfo, arguments.models, accepted, arguments.per_model, arguments.seed)
    except UnknownModel as unknown:
        parser.error(str(unknown))
    except BuildFailed as failed:
        print(f"The models as they are do not build, or their unit tests fail:\n{failed}", file=sys.stderr)
        return 1
    report = Report(tried, accepted, arguments.seed)
    print(report.text(everything=arguments.all))
    return 0 if report.is_good else 1


if __name__ == "__main__":
    sys.exit(main())
