"""The polled service, a process of its own on the first core.

It sends bytes prepared beforehand, so a client is always the slower side. It also takes the figures that must be
the same for all peers: it counts polls and connections, and compares each poll's arrival with its due time.

`POST /plan` with a JSON `Plan` starts a measurement, `GET /report` returns its `Report`.
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

from benchmarks.payloads import MONITOR, RUNNING, SUCCEEDED, poll_response

if TYPE_CHECKING:
    from collections.abc import Generator

EARLY_S = 0.002
"""A poll is early when it arrives at least this many seconds before its due time."""

_NUMBER, _HOST = re.compile(rb"/vm(\d+)\?"), re.compile(rb"\r\nhost: *([^\r]+)", re.IGNORECASE)
_opener = build_opener(ProxyHandler({}))


@dataclass(frozen=True)
class Plan:
    """The behaviour of all operations in one measurement.

    Attributes:
        polls: responses per operation, the last of which says `Succeeded`; 0 for operations that never end.
        retry_after: least and most whole seconds of `Retry-After`.
        burst_s: monotonic due time of all first polls; None leaves first polls unjudged.
        answer_delay_s: seconds between a poll's arrival and its response, as on a high-latency network.
        judged_s: monotonic time from which polls are counted and judged.
    """

    polls: int = 5
    retry_after: tuple[int, int] = (0, 0)
    burst_s: float | None = None
    answer_delay_s: float = 0.0
    judged_s: float = 0.0


@dataclass(frozen=True)
class Report:
    """The server's figures of one measurement.

    Attributes:
        polls: polls answered.
        connections: connections that carried polls.
        early: polls that arrived before their due time.
        lateness_s: median, p99 and maximum lateness of the polls that had a due time.
        cpu_s: CPU seconds of the server.
    """

    polls: int
    connections: int
    early: int
    lateness_s: tuple[float, float, float]
    cpu_s: float


class Recorder:
    """The current plan, and the figures taken since it was set."""

    def __init__(self) -> None:
        self.random = random.Random(1)
        self.start(Plan())

    def start(self, plan: Plan) -> None:
        """Set the plan and reset all figures."""
        self.plan = plan
        least, most = plan.retry_after
        self.running = [(seconds, poll_response(RUNNING, seconds)) for seconds in range(least, most + 1)]
        self.succeeded = poll_response(SUCCEEDED, 0)
        self.seen: dict[bytes, int] = {}
        self.due_s: dict[bytes, float] = {}
        self.lateness_s: list[float] = []
        self.polls = self.connections = 0
        self.started_cpu_s = time.process_time()

    def poll(self, target: bytes, now_s: float) -> bytes:
        """Judge one poll and return its response."""
        seen = self.seen[target] = self.seen.get(target, 0) + 1
        due_s = self.due_s.get(target, self.plan.burst_s)
        if now_s >= self.plan.judged_s:
            self.polls += 1
            if due_s is not None:
                self.lateness_s.append(now_s - due_s)
        if seen == self.plan.polls:
            return self.succeeded
        wait_s, response = self.running[0] if len(self.running) == 1 else self.random.choice(self.running)
        if wait_s:
            self.due_s[target] = now_s + self.plan.answer_delay_s + wait_s
        return response

    @staticmethod
    def initial_response(head: bytes) -> bytes:
        """Return the response to the POST that starts an operation."""
        monitor = MONITOR.format(int(_NUMBER.findall(head)[0])).encode()
        host = _HOST.findall(head)[0]
        return b"HTTP/1.1 202 Accepted\r\nAzure-AsyncOperation: http://%s%s\r\nContent-Length: 0\r\n\r\n" % (
            host,
            monitor,
        )

    def report(self) -> Report:
        """Return the figures taken since the plan was set."""
        late_s = sorted(self.lateness_s) or [0.0]
        p50_s, p99_s = late_s[len(late_s) // 2], late_s[min(len(late_s) - 1, len(late_s) * 99 // 100)]
        early = sum(lateness_s < -EARLY_S for lateness_s in late_s)
        cpu_s = time.process_time() - self.started_cpu_s
        return Report(self.polls, self.connections, early, (p50_s, p99_s, late_s[-1]), cpu_s)


class Connection(asyncio.Protocol):
    """One keep-alive connection; requests are not pipelined."""

    def __init__(self, recorder: Recorder, loop: asyncio.AbstractEventLoop) -> None:
        self._recorder = recorder
        self._loop = loop
        self._received = b""
        self._plan: Plan | None = None  # the plan of its last poll

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer a request once it is complete."""
        if self._received:
            data = self._received + data
        if data.startswith(b"GET /sub") and data.endswith(b"\r\n\r\n"):
            self._received = b""
            if self._plan is not self._recorder.plan:
                self._plan = self._recorder.plan
                self._recorder.connections += 1
            response = self._recorder.poll(data[4 : data.index(b" ", 4)], self._loop.time())
            if delay_s := self._recorder.plan.answer_delay_s:
                self._loop.call_later(delay_s, self._transport.write, response)
            else:
                self._transport.write(response)
            return
        self._received = data
        head, complete, body = data.partition(b"\r\n\r\n")
        if complete and len(body) >= _length(head):
            self._received = b""
            if head.startswith(b"POST /sub"):
                self._transport.write(self._recorder.initial_response(head))
            else:
                self._transport.write(_json(self._control(head, body)))

    def _control(self, head: bytes, body: bytes) -> object:
        if head.startswith(b"POST /plan "):
            fields = json.loads(body)
            fields["retry_after"] = tuple(fields["retry_after"])
            self._recorder.start(Plan(**fields))
            return {}
        assert head.startswith(b"GET /report "), head[:80]
        return asdict(self._recorder.report())


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line[15:])
    return 0


def _json(value: object) -> bytes:
    body = json.dumps(value).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


def start_measurement(origin: str, plan: Plan) -> None:
    """Set the server's plan and reset its figures."""
    with _opener.open(Request(f"{origin}/plan", json.dumps(asdict(plan)).encode())):  # noqa: S310 - loopback
        pass


def fetch_report(origin: str) -> Report:
    """Return the server's figures since the measurement started."""
    with _opener.open(f"{origin}/report") as response:
        fields = json.load(response)
    fields["lateness_s"] = tuple(fields["lateness_s"])
    return Report(**fields)


@contextmanager
def serving() -> Generator[str]:
    """Run the server in a process of its own and yield its origin."""
    command = [sys.executable, "-m", "benchmarks.server"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True) as process:  # noqa: S603 - ours
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def pin(core: int) -> None:
    """Keep this process on one core, where the platform allows it and has at least two."""
    if not hasattr(os, "sched_setaffinity"):
        return
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) >= 2:
        os.sched_setaffinity(0, {cores[core]})


def unpin() -> None:
    """Allow this process all cores."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, range(os.cpu_count() or 1))


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    recorder = Recorder()
    server = await loop.create_server(lambda: Connection(recorder, loop), "127.0.0.1", 0, backlog=4096)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    pin(0)
    asyncio.run(_serve())
