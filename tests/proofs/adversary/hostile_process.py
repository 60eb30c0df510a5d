"""A hostile server in a process of its own: `python -m tests.proofs.adversary.hostile_process SEED KINDS`.

It prints its two origins, and its ledger once its input ends. `/subscriptions/h7/...` is answered by an attack, and
`/subscriptions/b7/...` honestly, over the same connections: the bystander runs for some polls and then ends.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import struct
import sys
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field

from tests.proofs.adversary.attack_generator import KINDS, draw
from tests.proofs.adversary.wire_answer import Place, WireAnswer

RUNS_FOR_POLLS = 4
BYSTANDER_WAIT_S = 0.4
MAX_COOKIE = 8192
"""The longest `Cookie` header in bytes that the honest part accepts, like a common gateway."""

_NO_LINGER = struct.pack("ii", 1, 0)
_PATTERNS = {"m": "monitor", "l": "location", "i": "initial"}


def bystander_end(number: int) -> str:
    """Return the end of a bystander."""
    return "succeeded" if number % 2 else "failed"


@dataclass
class Ledger:
    """What the server sent and got.

    Attributes:
        answers: the number of attacks that were sent.
        claims: the verdicts that the answers of each hostile operation report.
        kinds: the kinds of its latest answers, and of those before them on the same connection.
        foreign: the connections to the foreign origin.
        cookies: unexpected `Cookie` headers, cut.
        early: honest polls that came early, as seconds.
        before: the kinds of the attacks before an honest answer on its connection.
    """

    answers: int = 0
    claims: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    kinds: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    foreign: int = 0
    cookies: list[str] = field(default_factory=list[str])
    early: list[float] = field(default_factory=list[float])
    before: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    seen: dict[str, int] = field(default_factory=dict[str, int])


class HostileServer:
    """Answers attacks and honest polls."""

    def __init__(self, seed: str, only: tuple[str, ...]) -> None:
        self.ledger = Ledger()
        self._seed = seed
        self._only = only
        self._requests: Counter[str] = Counter()
        self._honest_polls: Counter[str] = Counter()
        self._honest_at_s: dict[str, float] = {}
        self.here = self.foreign = ""

    async def serve(self) -> None:
        """Serve until the standard input ends."""
        server = await asyncio.start_server(self._connection, "127.0.0.1", 0, limit=2**20)
        stranger = await asyncio.start_server(self._foreign, "127.0.0.1", 0)
        self.here, self.foreign = (f"http://127.0.0.1:{each.sockets[0].getsockname()[1]}" for each in (server, stranger))
        sys.stdout.write(json.dumps([self.here, self.foreign]) + "\n")
        sys.stdout.flush()
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        sys.stdout.write(json.dumps(vars(self.ledger)) + "\n")
        sys.stdout.flush()
        os._exit(0)  # the connections that hang are of no interest

    async def _foreign(self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.ledger.foreign += 1
        writer.close()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        kinds: list[str] = []
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                path = head.split(b" ")[1].decode("latin-1")
                if length := re.search(rb"(?i)\r\ncontent-length: *(\d+)", head):
                    await reader.readexactly(int(length[1]))
                honest = re.match(r"/subscriptions/b(\d+)/", path)
                if honest is not None:
                    self.ledger.before[honest[1]] = kinds[-6:]
                    writer.write(self._honest(honest[1], head))
                    continue
                attack = self._attack(path, f" after {'+'.join(kinds[-3:])}" if kinds else "")
                kinds += attack.kinds
                if not await _send(attack, reader, writer):
                    break
        writer.close()

    def _attack(self, path: str, before: str) -> WireAnswer:
        found = re.match(r"/subscriptions/h([\w-]+)/([mli])\b", path)
        number, pattern = (found[1], found[2]) if found else ("none", "l")
        place = Place(self.here, self.foreign, path.partition("?")[0], _PATTERNS[pattern])  # type: ignore[arg-type] - a value of the table
        if pattern == "i" and "status" in path:
            place = Place(self.here, self.foreign, place.path, "location")
        attack = draw(f"{self._seed} {number} {self._requests[number]}", place, self._only)
        self._requests[number] += not number.startswith("solo")  # its costs are measured several times
        ledger = self.ledger
        ledger.answers += 1
        ledger.claims[number] = sorted({*ledger.claims.get(number, ()), *attack.claims})
        ledger.kinds[number] = [*ledger.kinds.get(number, ()), "+".join(attack.kinds) + before][-12:]
        return attack

    def _honest(self, number: str, head: bytes) -> bytes:
        cookie = re.search(rb"(?i)\r\ncookie: *([^\r]*)", head)
        if cookie and cookie[1] != b"own=1":
            self.ledger.cookies.append(cookie[1][:80].decode("latin-1"))
            if len(cookie[1]) > MAX_COOKIE:
                return b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"
        now_s = time.monotonic()
        early_s = self._honest_at_s.get(number, 0.0) + BYSTANDER_WAIT_S - now_s
        if early_s > 0.001:
            self.ledger.early.append(early_s)
        self._honest_at_s[number] = now_s
        self._honest_polls[number] += 1
        self.ledger.seen[number] = self._honest_polls[number]
        is_ended = self._honest_polls[number] > RUNS_FOR_POLLS
        word = bystander_end(int(number)).capitalize() if is_ended else "Running"
        body = json.dumps({"status": word}).encode()
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nretry-after-ms: %d\r\nContent-Length: %d\r\n\r\n"
        return head % (1000 * BYSTANDER_WAIT_S, len(body)) + body


async def _send(attack: WireAnswer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """Send an attack; return whether the connection stays open."""
    for step in attack.steps:
        if isinstance(step, bytes):
            writer.write(step)
            await writer.drain()
        elif isinstance(step, float):
            await asyncio.sleep(step)
        elif step == "reset":
            connection: socket.socket | None = writer.get_extra_info("socket")
            if connection is not None:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
            writer.transport.abort()
        elif step == "hang":
            await reader.read(1)
        if step in {"close", "reset", "hang"}:
            return False
    return True


if __name__ == "__main__":
    asyncio.run(HostileServer(sys.argv[1], tuple(json.loads(sys.argv[2])) or KINDS).serve())
