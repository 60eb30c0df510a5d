"""The service that is polled: a process of its own on the first core, lean enough never to be what is measured.

It answers bytes made beforehand, and it is the judge: it counts polls and connections, and sees how late after its
time each poll arrives, for all peers alike and with no hook in any of them.

`POST /plan` with a JSON `Plan` begins a measurement, `GET /report` ends it.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING
from urllib.request import ProxyHandler, Request, build_opener

from benchmarks.wire import MONITOR, RUNNING, SUCCEEDED, answer

if TYPE_CHECKING:
    from collections.abc import Generator

EARLY_S = 0.002
"""A poll that arrives so much before its time is early."""

_NUMBER, _HOST = re.compile(rb"/vm(\d+)\?"), re.compile(rb"\r\nhost: *([^\r]+)", re.IGNORECASE)
_opener = build_opener(ProxyHandler({}))


@dataclass(frozen=True)
class Plan:
    """How operations behave in one measurement.

    Attributes:
        polls: answers of each, the last of which says that it succeeded; 0 for never.
        retry_after: the least and the most whole seconds that an answer asks for.
        due_s: monotonic time at which first polls are due; None when they are not judged.
        trip_s: seconds between a poll's arrival and its answer, as over a long way.
        judged_s: monotonic time from which polls are counted and judged.
    """

    polls: int = 5
    retry_after: tuple[int, int] = (0, 0)
    due_s: float | None = None
    trip_s: float = 0.0
    judged_s: float = 0.0


@dataclass(frozen=True)
class Report:
    """What the server saw.

    Attributes:
        polls: answered.
        connections: that carried polls.
        early: polls that came before their time.
        lateness_s: at the median, at p99 and at most, of the polls that had a time.
        cpu_s: CPU seconds of the server.
    """

    polls: int
    connections: int
    early: int
    lateness_s: tuple[float, float, float]
    cpu_s: float


class Book:
    """What is planned, and what was seen since."""

    def __init__(self) -> None:
        self.random = random.Random(1)
        self.begin(Plan())

    def begin(self, plan: Plan) -> None:
        """Forget what was seen."""
        self.plan = plan
        least, most = plan.retry_after
        self.waits = [(seconds, answer(RUNNING, seconds)) for seconds in range(least, most + 1)]
        self.end = answer(SUCCEEDED, 0)
        self.seen: dict[bytes, int] = {}
        self.due: dict[bytes, float] = {}
        self.lateness: list[float] = []
        self.polls = self.connections = 0
        self.begun_cpu_s = time.process_time()

    def polled(self, target: bytes, now_s: float) -> bytes:
        """Judge one poll, and return its answer."""
        seen = self.seen[target] = self.seen.get(target, 0) + 1
        due_s = self.due.get(target, self.plan.due_s)
        if now_s >= self.plan.judged_s:
            self.polls += 1
            if due_s is not None:
                self.lateness.append(now_s - due_s)
        if seen == self.plan.polls:
            return self.end
        wait_s, running = self.waits[0] if len(self.waits) == 1 else self.random.choice(self.waits)
        if wait_s:
            self.due[target] = now_s + self.plan.trip_s + wait_s
        return running

    @staticmethod
    def accepted(head: bytes) -> bytes:
        """Return the answer to the POST that begins an operation."""
        monitor = MONITOR.format(int(_NUMBER.findall(head)[0])).encode()
        host = _HOST.findall(head)[0]
        return b"HTTP/1.1 202 Accepted\r\nAzure-AsyncOperation: http://%s%s\r\nContent-Length: 0\r\n\r\n" % (
            host,
            monitor,
        )

    def report(self) -> Report:
        """Return what was seen."""
        late = sorted(self.lateness) or [0.0]
        p50, p99 = late[len(late) // 2], late[min(len(late) - 1, len(late) * 99 // 100)]
        early = sum(lateness < -EARLY_S for lateness in late)
        cpu_s = time.process_time() - self.begun_cpu_s
        return Report(self.polls, self.connections, early, (p50, p99, late[-1]), cpu_s)


class Connection(asyncio.Protocol):
    """One keep-alive connection; requests are not pipelined."""

    def __init__(self, book: Book, loop: asyncio.AbstractEventLoop) -> None:
        self._book = book
        self._loop = loop
        self._received = b""
        self._plan: Plan | None = None  # of its last poll

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer a request that has come whole."""
        if self._received:
            data = self._received + data
        if data.startswith(b"GET /sub") and data.endswith(b"\r\n\r\n"):
            self._received = b""
            if self._plan is not self._book.plan:
                self._plan = self._book.plan
                self._book.connections += 1
            answered = self._book.polled(data[4 : data.index(b" ", 4)], self._loop.time())
            if trip_s := self._book.plan.trip_s:
                self._loop.call_later(trip_s, self._transport.write, answered)
            else:
                self._transport.write(answered)
            return
        self._received = data
        head, complete, body = data.partition(b"\r\n\r\n")
        if complete and len(body) >= _length(head):
            self._received = b""
            if head.startswith(b"POST /sub"):
                self._transport.write(self._book.accepted(head))
            else:
                self._transport.write(_json(self._control(head, body)))

    def _control(self, head: bytes, body: bytes) -> object:
        if head.startswith(b"POST /plan "):
            fields = json.loads(body)
            fields["retry_after"] = tuple(fields["retry_after"])
            self._book.begin(Plan(**fields))
            return {}
        assert head.startswith(b"GET /report "), head[:80]
        return asdict(self._book.report())


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line[15:])
    return 0


def _json(value: object) -> bytes:
    body = json.dumps(value).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


def begin(origin: str, plan: Plan) -> None:
    """Begin a measurement."""
    with _opener.open(Request(f"{origin}/plan", json.dumps(asdict(plan)).encode())):  # noqa: S310 - loopback
        pass


def report(origin: str) -> Report:
    """Return what the server saw since the measurement began."""
    with _opener.open(f"{origin}/report") as response:
        fields = json.load(response)
    fields["lateness_s"] = tuple(fields["lateness_s"])
    return Report(**fields)


@contextmanager
def serving() -> Generator[str]:
    """Run the server in a process of its own, and return its origin."""
    command = [sys.executable, "-m", "benchmarks.server"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True) as process:  # noqa: S603 - ours
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def pin(core: int) -> bool:
    """Keep this process on one core, where that can be done and there are two."""
    if not hasattr(os, "sched_setaffinity"):
        return False
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        return False
    os.sched_setaffinity(0, {cores[core]})
    return True


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    book = Book()
    server = await loop.create_server(lambda: Connection(book, loop), "127.0.0.1", 0, backlog=4096)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    pin(0)
    asyncio.run(_serve())
