"""The simulation of the protocol core as a command.

Every push:     python -m tests.proofs.simulation --operations 200000 --seed 1
Every night:   python -m tests.proofs.simulation --operations 10000000 --processes 2 --seed "$(date +%Y%m%d)"
A failure:     python -m tests.proofs.simulation --seed 1 --only 4711
"""

from __future__ import annotations

import argparse
import sys
import time

from tests.proofs.simulation.failure_shrinking import report
from tests.proofs.simulation.simulation_campaign import campaign


def main() -> int:
    """Simulate; return 1 if an invariant is broken."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.proofs.simulation", description="Simulate operations with faults."
    )
    parser.add_argument("--operations", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--only", type=int, metavar="NUMBER", help="report this operation of the seed only")
    given = parser.parse_args()
    if given.only is not None:
        sys.stdout.write(f"{report(given.seed, given.only)}\n")
        return 0
    started_s = time.perf_counter()
    total = campaign(given.seed, given.operations, given.processes)
    took_s = time.perf_counter() - started_s
    ends = ", ".join(f"{count:,} {name}" for name, count in total.ends.most_common())
    sys.stdout.write(
        f"seed {given.seed}: {total.operations:,} operations, {total.requests:,} answers,"
        f" {total.faults / max(total.requests, 1):.1%} of them faults, {took_s:.1f} s\n"
        f"ends: {ends}\n"
        f"digest: {total.digest}\n"
        f"broken invariants: {len(total.failures)}\n"
    )
    for failure in total.failures[:5]:
        sys.stdout.write(f"{report(given.seed, failure.number)}\n")
    return 1 if total.failures else 0


if __name__ == "__main__":
    sys.exit(main())
