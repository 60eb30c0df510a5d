"""Thousands of operations under ARM's read limit, in virtual time, seeded.

Run: python -m benchmarks.fleet [--quick | --operations 1000] [--seed 1] [--plot docs/fleet.svg]

Every operation takes a lognormal time (median 180 s, sigma 0.6) and its service asks for 17 s between polls; a
subscription grants 250 reads at once and 25 a second, and a 429 says 10 s. Detection is the time from an
operation's end at the server to its being told. azpoll runs on the whole stack (httpx over FakeARM); azure-core
and a naive poller that never gives up are models of one bucket, checked at 1,000 operations against the same
policies on the whole stack, and against azure-core itself where it is installed.

The full set takes a quarter of an hour on two cores; `--quick` (azpoll alone, 1,000 and 10,000) less than a minute.
Exits with 1 when a goal is missed.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.fleet.azure import version
from benchmarks.fleet.goals import goals
from benchmarks.fleet.plot import plot
from benchmarks.fleet.report import table
from benchmarks.fleet.runs import TRACKED, Run, full, quick, run_all
from benchmarks.fleet.world import Fleet


def main() -> int:
    """Simulate, print the table and the goals, and draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--quick", action="store_true", help="azpoll alone, 1,000 and 10,000 operations")
    which.add_argument("--operations", type=int, help="azpoll alone, so many operations at once")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--plot", type=Path, help="write the picture of the full set here")
    options = parser.parse_args()
    if options.quick:
        runs = quick()
    elif options.operations is not None:
        runs = [Run("tracked", Fleet(options.operations), policy) for policy in TRACKED]
    else:
        runs = full()
        print(f"azure-core itself: {version() or 'not installed, left out'}")
    outcomes = list(run_all(runs, options.seed))
    print(f"seed {options.seed}", *table(outcomes), sep="\n")
    if options.plot is not None:
        options.plot.write_text(plot(outcomes), encoding="utf-8")
    print()
    met = True
    for goal in goals(outcomes):
        print(goal)
        met &= goal.met
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
