"""What a poll costs, how late it is, and what a waiting operation weighs: azpoll and its peers, measured in one run.

Run: python -m benchmarks [--quick] [--write docs] [--save FILE | --load FILE]

The server is a process on one core, whoever polls it a process on another; peers take turns in rounds, ratios are
taken within a round and their median is told. `--quick` takes less than two minutes; all of it an hour. What a
peer needs and is not installed is left out: `pip install '.[bench]'` has everything. Exits with 1 when a goal is
missed. `--write` renews the figures and pictures of docs/performance.md; `--save` keeps the figures for `--load`.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from benchmarks import server
from benchmarks.goals import goals
from benchmarks.page import ceiling, machine, noise, tables
from benchmarks.peers import PEERS
from benchmarks.pictures import pictures
from benchmarks.results import Results
from benchmarks.suite import full, measured, quick

BEGIN, END = "<!-- measured: python -m benchmarks --write docs -->", "<!-- end of what was measured -->"


def main() -> int:
    """Measure, print, and write what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--write", type=Path, metavar="FOLDER", help="of performance.md")
    parser.add_argument("--save", type=Path, metavar="FILE", help="keep the figures")
    parser.add_argument("--load", type=Path, metavar="FILE", help="take figures that were kept, and measure nothing")
    options = parser.parse_args()
    results = Results.load(options.load) if options.load else Results()
    if not options.load:
        try:
            _measure(results, quick_only=options.quick)
        finally:
            if options.save:
                results.save(options.save)
    reached = list(goals(results, quick=options.quick))
    lines = [machine(), *filter(None, [ceiling(results), noise(results)]), *tables(results)]
    print(*lines, "", *reached, sep="\n")
    if options.write:
        _write(options.write, results, [*lines, "", "### Goals", "", "```text", *map(str, reached), "```"])
    return 0 if all(goal.met for goal in reached) else 1


def _measure(results: Results, *, quick_only: bool) -> None:
    begun_s = time.monotonic()
    there = {peer.name: peer.missing() for peer in PEERS}
    for name, module in there.items():
        if module is not None:
            print(f"left out, {module} is not installed: {name}")
    with server.serving() as origin:
        wanted = quick(origin) if quick_only else full(origin)
        for key in measured([each for each in wanted if not there.get(each.key.who)], results):
            print(f"{time.monotonic() - begun_s:6.0f} s  {key.measure}: {key.who}", file=sys.stderr, flush=True)


def _write(folder: Path, results: Results, lines: list[str]) -> None:
    page = folder / "performance.md"
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    page.write_text("\n".join([before + BEGIN, "", *lines, "", END + after]), encoding="utf-8")
    for name, picture in pictures(results).items():
        (folder / name).write_text(picture, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
