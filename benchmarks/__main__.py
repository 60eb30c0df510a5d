"""CPU per poll, lateness, bursts, memory, scheduling and imports: azpoll and its peers, measured in one run.

Run: python -m benchmarks [--quick] [--only PART,PART] [--save FILE | --load FILE] [--write docs]

A full run takes about 20 minutes, `--quick` less than 2. `pip install '.[bench]'` installs all peers; a peer that is
not installed is left out. `--only` names parts of a run. `--save` keeps the figures for `--load`, and `--write`
renews the tables and charts of docs/performance.md from a full run. The exit status is 1 when a goal is missed.
README.md in this folder describes the method.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from benchmarks import server
from benchmarks.charts import charts
from benchmarks.goals import goals
from benchmarks.peers import PEERS
from benchmarks.results import Results
from benchmarks.suite import full_parts, planned, quick_parts, run
from benchmarks.tables import conditions, tables

BEGIN, END = "<!-- begin: python -m benchmarks --write docs -->", "<!-- end -->"


def main() -> int:
    """Measure, print the figures and the verdict on each goal, and write them where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer and smaller measurements, loosely judged")
    parser.add_argument("--only", metavar="PART,PART", default="", help=f"parts of a run: {', '.join(full_parts(''))}")
    parser.add_argument("--write", type=Path, metavar="FOLDER", help="folder of performance.md")
    parser.add_argument("--save", type=Path, metavar="FILE", help="write all figures to FILE")
    parser.add_argument("--load", type=Path, metavar="FILE", help="read figures that --save wrote; measure nothing")
    options = parser.parse_args()
    only = [name for name in options.only.split(",") if name]
    if unknown := set(only) - set(quick_parts("") if options.quick else full_parts("")):
        parser.error(f"unknown parts: {', '.join(sorted(unknown))}")
    if options.write and (options.quick or only):
        parser.error("--write needs the figures of a full run")
    results = Results.load(options.load) if options.load else Results()
    if not options.load:
        try:
            _measure(results, quick=options.quick, only=only)
        finally:
            if options.save:
                results.save(options.save)
    verdict = list(goals(results, quick=options.quick))
    head, body = ["```text", *conditions(results), "```"], list(tables(results))
    print(*head, *body, "", *verdict, sep="\n")
    if options.write:
        _write(options.write, results, [*head, *body, "", "### Goals", "", "```text", *map(str, verdict), "```"])
    return 0 if all(goal.met for goal in verdict) else 1


def _measure(results: Results, *, quick: bool, only: list[str]) -> None:
    started_s = time.monotonic()
    missing = {peer.name: module for peer in PEERS if (module := peer.missing()) is not None}
    for name, module in missing.items():
        print(f"left out: {name} ({module} is not installed)")
    with server.serving() as origin:
        measurements = [each for each in planned(origin, quick=quick, only=only) if each.key.peer not in missing]
        for key in run(measurements, results):
            what = f"{key.measure}, {key.operations:,}" if key.operations else key.measure
            print(f"{time.monotonic() - started_s:6.0f} s  {what}: {key.peer}", file=sys.stderr, flush=True)


def _write(folder: Path, results: Results, lines: list[str]) -> None:
    page = folder / "performance.md"
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    page.write_text("\n".join([before + BEGIN, "", *lines, "", END + after]), encoding="utf-8")
    for name, svg in charts(results).items():
        (folder / name).write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
