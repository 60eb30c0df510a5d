"""Thousands of operations under ARM's read limit, in virtual time, seeded.

Run: python -m benchmarks.fleet [--quick | --hints | --operations 1000] [--seed 1] [--plot docs/fleet.svg]

The durations are lognormal (median 180 s, sigma 0.6), and the service asks for 17 s between polls. A subscription
has a bucket of 250 reads that refills at 25 reads/s; a 429 has a Retry-After of 10 s. The detection delay is the
time from an operation's end at the server to the response that reports it.

azpoll runs on the whole stack, httpx over FakeARM. azure-core and a naive loop that never gives up are models on one
token bucket. At 1,000 operations the models are checked against the same policies on the whole stack, and against
azure-core itself where it is installed.

With hints from Resource Graph and Event Grid, azpoll is compared with an oracle that has the same hints.

A full run takes 20 minutes on two cores, `--hints` four, `--quick` two. The exit status is 1 when a goal is missed.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.fleet.azure import version
from benchmarks.fleet.figure import figure
from benchmarks.fleet.goals import goals
from benchmarks.fleet.report import table
from benchmarks.fleet.runs import TRACKED, Run, full, hinted, quick, run_all
from benchmarks.fleet.scenario import Fleet


def main() -> int:
    """Simulate, print the outcomes and the verdict on each goal, and draw the figure where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--quick", action="store_true", help="azpoll alone, 1,000 and 10,000 operations")
    which.add_argument("--hints", action="store_true", help="azpoll and its oracles with Resource Graph and Event Grid")
    which.add_argument("--operations", type=int, help="azpoll alone, this many concurrent operations")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--plot", type=Path, help="file for the SVG figure of a full run")
    options = parser.parse_args()
    if options.quick:
        runs = quick()
    elif options.hints:
        runs = hinted()
    elif options.operations is not None:
        runs = [Run("azpoll", Fleet(options.operations), policy) for policy in TRACKED]
    else:
        runs = full()
        print(f"azure-core itself: {version() or 'left out (not installed)'}")
    outcomes = list(run_all(runs, options.seed))
    print(f"seed {options.seed}", *table(outcomes), sep="\n")
    if options.plot is not None:
        options.plot.write_text(figure(outcomes), encoding="utf-8")
    print()
    met = True
    for goal in goals(outcomes):
        print(goal)
        met &= goal.met
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
