"""Plays a game and judges it: the healthy operations by all invariants, the hostile ones by their verdicts."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.proofs.adversary.game import Game
from tests.proofs.adversary.hostile_service import bystander_end
from tests.proofs.adversary.polling_lateness import percentile
from tests.proofs.adversary.server_process import serve
from tests.proofs.adversary.wire_answer import ANY_END

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.proofs.adversary.game import GameOptions, GameResult

MAX_LATE_S = 10.0
"""The lateness of a healthy poll at p99, in seconds, beside the time for which the processes had no processor.

`test_starvation` judges it exactly, in virtual time.
"""

MAX_CLOSE_S = 8.0
"""The grace period of 5 s and a margin."""

MAX_HELD_S, MAX_CPU_S = 0.5, 1.0
SLOW_MACHINE = 2
"""The factor of all bounds of CPU time: a virtual machine on a shared processor may take that much longer."""


@dataclass
class Verdict:
    """The result of a game.

    Attributes:
        broken: the broken invariants.
        figures: one line.
    """

    options: GameOptions
    broken: list[str]
    figures: str

    def __str__(self) -> str:
        """Return all findings, and the command that repeats the game."""
        lines = [f"seed {self.options.seed}, {self.options.library}: {self.figures}", *self.broken]
        return "\n  ".join([*lines, *([command(self.options)] if self.broken else [])])


def command(options: GameOptions) -> str:
    """Return the command that repeats a game."""
    words = ["python", "-m", "tests.proofs.adversary", "--seed", options.seed, "--library", options.library]
    words += ["--games", "1", "--seconds", f"{options.seconds:g}", "--hostile", str(options.hostile)]
    words += [word for kind in options.only for word in ("--kind", kind)]
    return shlex.join(words)


async def judged(options: GameOptions) -> Verdict:
    """Play a game and judge it."""
    async with (
        serve("hostile_process", options.seed, json.dumps(options.only), options.library) as hostile,
        serve("healthy_process") as healthy,
    ):
        result = await Game(options, hostile.origins[0], healthy.origins[0]).play()
        ledger, conduct = await hostile.report(), await healthy.report()
    broken = findings(result, ledger, conduct)
    figures = (
        f"{ledger['answers']} attacks on {len(result.ends)} operations, {len(result.bystanders)} bystanders,"
        f" {len(ledger['crossed'])} crossed requests,"
        f" lateness p99 {percentile(conduct['lateness_s'], 0.99):.2f} s of {len(conduct['lateness_s'])} polls,"
        f" without a processor for {_waited_s(result, ledger, conduct):.1f} s,"
        f" begin {max(result.begin_s, default=0):.2f} s, event loop held {result.held_s:.2f} s,"
        f" CPU {result.cpu_s:.1f} s, closed in {result.closed_s:.2f} s"
    )
    return Verdict(options, broken, figures)


def findings(result: GameResult, ledger: Mapping[str, Any], conduct: Mapping[str, Any]) -> list[str]:
    """Return the broken invariants.

    Args:
        result: what the client saw.
        ledger: of the hostile server.
        conduct: of the client, as the healthy service saw it.
    """
    return [
        *result.broken,
        *conduct["broken"],
        *_leaks(ledger, conduct),
        *_early_polls(result, ledger, conduct),
        *_false_verdicts(result, ledger),
        *_lateness(result, conduct, MAX_LATE_S + _waited_s(result, ledger, conduct)),
        *_costs(result, ledger),
    ]


def _leaks(ledger: Mapping[str, Any], conduct: Mapping[str, Any]) -> list[str]:
    found: list[str] = []
    if ledger["foreign"]:
        found.append(f"{ledger['foreign']} connections to the foreign origin")
    for cookies, where in ((ledger["cookies"], "a bystander"), (conduct["cookies"], "a healthy operation")):
        if cookies:
            found.append(f"a cookie of another operation reached {where}: {len(cookies)} times, {cookies[0]!r}")
    return found


def _early_polls(result: GameResult, ledger: Mapping[str, Any], conduct: Mapping[str, Any]) -> list[str]:
    """Return the polls that came too early after an answer that the client has read.

    A poll may be ended before its answer arrives, by its time limit or for others (rule 54). It is then repeated.
    """

    def has_read(label: str, from_s: float, to_s: float) -> bool:
        return any(from_s <= read_s <= to_s for read_s in result.read_s.get(label, ()))

    early = [by_s for label, from_s, to_s, by_s in ledger["early"] if has_read(label, from_s, to_s)]
    found = [text for label, from_s, to_s, text in conduct["repeated"] if has_read(label, from_s, to_s)]
    if early:
        found.insert(0, f"{len(early)} early polls of bystanders, by up to {max(early):.3f} s")
    return found


def _false_verdicts(result: GameResult, ledger: Mapping[str, Any]) -> list[str]:
    """Return the ends that no answer said; a second answer may have crossed the request of any operation."""
    crossed = frozenset(ledger["crossed"])
    found = [
        f"hostile operation {name} ended as {end}, which no whole answer said; its kinds: {ledger['kinds'].get(name)}"
        for name, end in result.ends.items()
        if end in ANY_END and end not in ledger["claims"].get(name, ()) and f"h{name}" not in crossed
    ]
    return found + [
        f"bystander {number} ended as {end}, not {bystander_end(number)}"[:300]
        for number, end in result.bystanders.items()
        if end != bystander_end(number) and f"b{number}" not in crossed
    ]


def _waited_s(result: GameResult, ledger: Mapping[str, Any], conduct: Mapping[str, Any]) -> float:
    return float(result.waited_s + ledger["waited_s"] + conduct["waited_s"])


def _lateness(result: GameResult, conduct: Mapping[str, Any], most_s: float) -> list[str]:
    found: list[str] = []
    if (late_s := percentile(conduct["lateness_s"], 0.99)) > most_s:
        found.append(f"healthy polls are {late_s:.2f} s late at p99, more than {most_s:.2f} s")
    if (begin_s := max(result.begin_s, default=0.0)) > most_s:
        found.append(f"begin of a healthy operation took {begin_s:.2f} s, more than {most_s:.2f} s")
    return found


def _costs(result: GameResult, ledger: Mapping[str, Any]) -> list[str]:
    found: list[str] = []
    if result.held_s > MAX_HELD_S * SLOW_MACHINE:
        found.append(f"the event loop was held for {result.held_s:.2f} s of CPU time")
    if result.closed_s > MAX_CLOSE_S:
        found.append(f"the tracker took {result.closed_s:.1f} s to close")
    if result.cpu_s > MAX_CPU_S * SLOW_MACHINE * max(1, ledger["answers"]):
        found.append(f"{result.cpu_s:.1f} s of CPU time for {ledger['answers']} attacks")
    return found
