"""The answers of a hostile server, and its ledger: attacks on its operations, honest statuses for bystanders."""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.proofs.adversary.attack_generator import draw
from tests.proofs.adversary.wire_answer import NOTHING, Place, WireAnswer

if TYPE_CHECKING:
    from tests.proofs.adversary.wire_answer import Pattern

RUNS_FOR_POLLS = 4
"""The polls of a bystander that find it running."""

WAIT_S = 0.4
"""The wait that each honest answer names, in seconds."""

MAX_COOKIE = 8192
"""The longest `Cookie` header in bytes that the honest part accepts, like a common gateway."""

_PATTERNS: dict[str, Pattern] = {"m": "monitor", "l": "location", "i": "initial"}
_NOT_FOUND = WireAnswer(("none",), (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "keep"), NOTHING, 0)


def bystander_end(number: int) -> str:
    """Return the end of a bystander."""
    return "succeeded" if number % 2 else "failed"


@dataclass
class Ledger:
    """The requests that the server got, and the answers that it sent.

    Attributes:
        answers: the number of attacks.
        claims: the verdicts that the answers of each hostile operation report.
        kinds: the kinds of its latest answers, and of those before them on the same connection.
        foreign: the connections to the foreign origin.
        cookies: unexpected `Cookie` headers of honest requests, cut.
        crossed: the operations and bystanders with a request that a late second answer crossed: it may be their answer.
        early: honest polls that came early: the bystander, when it was answered, when it was polled again, and by how
            many seconds that was early. The times are those of `time.monotonic`.
    """

    answers: int = 0
    claims: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    kinds: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    foreign: int = 0
    cookies: list[str] = field(default_factory=list[str])
    crossed: list[str] = field(default_factory=list[str])
    early: list[tuple[str, float, float, float]] = field(default_factory=list[tuple[str, float, float, float]])


class HostileService:
    """Answers requests. `/subscriptions/h7/...` is answered by an attack, `/subscriptions/b7/...` honestly.

    Args:
        seed: of all attacks.
        only: their kinds.
        here: the origin of the server.
        foreign: an origin that must not be requested.
    """

    def __init__(self, seed: str, only: tuple[str, ...], here: str, foreign: str) -> None:
        self.ledger = Ledger()
        self._seed = seed
        self._only = only
        self._here = here
        self._foreign = foreign
        self._requests: Counter[str] = Counter()
        self._honest_polls: Counter[str] = Counter()
        self._honest_at_s: dict[str, float] = {}

    def attack(self, path: str, before: list[str], stream: int = 0) -> WireAnswer:
        """Return the next attack on an operation; `before` are the kinds of those on the same connection."""
        found = re.match(r"/subscriptions/h([\w-]+)/([mli])\b", path)
        if found is None:
            return _NOT_FOUND
        number, pattern = found[1], _PATTERNS[found[2]]
        if pattern == "initial" and "status" in path:
            pattern = "location"
        place = Place(self._here, self._foreign, path.partition("?")[0], pattern)
        attack = draw(f"{self._seed} {number} {self._requests[number]}", place, self._only, stream)
        self._requests[number] += not number.startswith("solo")  # its costs are measured several times
        ledger = self.ledger
        ledger.answers += 1
        ledger.claims[number] = sorted({*ledger.claims.get(number, ()), *attack.claims})
        after = f" after {'+'.join(before[-3:])}" if before else ""
        ledger.kinds[number] = [*ledger.kinds.get(number, ()), "+".join(attack.kinds) + after][-12:]
        return attack

    def second_answer_crossed(self, path: str) -> None:
        """Record an operation or bystander: a late second answer may be taken for the answer to its request."""
        if found := re.match(r"/subscriptions/([hb][\w-]+)/", path):
            self.ledger.crossed.append(found[1])

    def honest(self, path: str, cookie: str) -> tuple[int, bytes] | None:
        """Return the status code and the body of an honest answer; None if the path is not that of a bystander."""
        found = re.match(r"/subscriptions/b(\d+)/", path)
        if found is None:
            return None
        if cookie != "own=1":
            self.ledger.cookies.append(cookie[:80])
            if len(cookie) > MAX_COOKIE:
                return 400, b""
        number, now_s = found[1], time.monotonic()
        answered_s = self._honest_at_s.get(number, 0.0)
        if (early_s := answered_s + WAIT_S - now_s) > 0.001:
            self.ledger.early.append((f"b{number}", answered_s, now_s, early_s))
        self._honest_at_s[number] = now_s
        self._honest_polls[number] += 1
        has_ended = self._honest_polls[number] > RUNS_FOR_POLLS
        word = bystander_end(int(number)).capitalize() if has_ended else "Running"
        return 200, json.dumps({"status": word}).encode()
