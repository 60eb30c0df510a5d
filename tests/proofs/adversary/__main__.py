"""The standing adversary as a command.

Every push:     python -m tests.proofs.adversary --seed 1 --minutes 2 --library httpx
Every night:    python -m tests.proofs.adversary --seed "$(date +%Y%m%d)" --minutes 120 --hostile 500 --library fast
Each kind:      python -m tests.proofs.adversary --each --library httpx2
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import time
from typing import TYPE_CHECKING

from tests.proofs.adversary.adversary_client import HTTP_2_LIBRARIES, LIBRARIES
from tests.proofs.adversary.answer_costs import costs, report
from tests.proofs.adversary.attack_generator import ALL_KINDS, HTTP_2_KINDS, KINDS
from tests.proofs.adversary.game import GameOptions
from tests.proofs.adversary.judgement import judged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.proofs.adversary.adversary_client import GameLibrary

ANSWERS = 30
"""The answers whose costs are measured before each game."""


def main() -> int:
    """Play; return 1 if an invariant is broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.proofs.adversary", description="Attack a tracker.")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--library", choices=[*LIBRARIES, *HTTP_2_LIBRARIES], default="httpx")
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seconds", type=float, default=8.0, help="of one game")
    parser.add_argument("--games", type=int, help="play so many games, and measure no answers by themselves")
    parser.add_argument("--hostile", type=int, default=60, help="concurrent hostile operations")
    parser.add_argument("--kind", choices=ALL_KINDS, action="append", metavar="KIND", help="only this kind; repeatable")
    parser.add_argument("--each", action="store_true", help="one game for each kind of attack")
    parser.add_argument("--answer", type=int, metavar="NUMBER", help="only the cost of this answer")
    given = parser.parse_args()
    only = tuple(given.kind or ())
    logging.getLogger("azpoll").setLevel(logging.ERROR)
    if given.answer is not None:
        return _cost(given.seed, given.library, range(given.answer, given.answer + 1), only)
    return max((_play(options, measured=given.games is None) for options in _games(given, only)), default=0)


def _games(given: argparse.Namespace, only: tuple[str, ...]) -> Iterator[GameOptions]:
    """Yield the games of a command; the first has the seed itself."""
    until_s = time.monotonic() + given.minutes * 60
    number = 0
    possible = HTTP_2_KINDS if given.library.endswith("-h2") else KINDS
    kinds = [(kind,) for kind in possible] if given.each else None
    while number < len(kinds) if kinds else (number < given.games if given.games else time.monotonic() < until_s):
        seed = f"{given.seed}.{number}" if number else given.seed
        yield GameOptions(seed, given.library, given.seconds, kinds[number] if kinds else only, given.hostile)
        number += 1


def _play(options: GameOptions, *, measured: bool) -> int:
    failed = _cost(options.seed, options.library, range(ANSWERS), options.only) if measured else 0
    verdict = asyncio.run(judged(options))
    sys.stdout.write(f"{' + '.join(options.only)} {verdict}\n")
    sys.stdout.flush()
    return max(failed, int(bool(verdict.broken)))


def _cost(seed: str, library: GameLibrary, numbers: range, only: tuple[str, ...]) -> int:
    measured = asyncio.run(costs(seed, library, numbers, only))
    failed = [cost for cost in measured if cost.broken()]
    most = max(measured, key=lambda cost: cost.cpu_s)
    sys.stdout.write(f"{len(measured)} answers: at most {most.cpu_s:.2f} s of CPU, {len(failed)} above a bound\n")
    sys.stdout.write("".join(f"{report(seed, library, cost)}\n" for cost in failed))
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
