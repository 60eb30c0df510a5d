"""The three flows of the document "Track asynchronous Azure operations", and what is said on the wire in each."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Protocol, TypeAlias

import anyio

from azpoll.cli.duration import spoken
from azpoll.protocol.answer import is_object
from azpoll.testing import Reply

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from azpoll.operation import AsyncOperation
    from azpoll.testing import FakeARM, FakeOperation
    from azpoll.transport.library import HTTPRequest, HTTPResponse

FairQueue: TypeAlias = tuple[str, str]
"""A text and its style, a key of `demo_view.STYLES`."""

_HEADERS = ("Azure-AsyncOperation", "Location", "Retry-After")
_GROUP = "/subscriptions/11111111-2222-4333-8444-555555555555/resourceGroups/demo/providers"
_SUBSCRIPTION = re.compile(r"/subscriptions/[^/]*")
_WIDEST = 100


class HookedResponse(Protocol):
    """What a response hook of httpx or httpx2 is given."""

    status_code: int

    @property
    def headers(self) -> Mapping[str, str]:
        """By name in any case."""
        ...

    @property
    def request(self) -> HTTPRequest:
        """What it answers."""
        ...

    async def aread(self) -> bytes:
        """Read the body."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Flow:
    """One of the three.

    Attributes:
        title: as the document's heading.
        method: of the initial request.
        url: path and query of the initial request.
        body: of the initial request, as JSON; None for none.
        fake: the operation as the service knows it.
    """

    title: str
    method: str
    url: str
    body: Mapping[str, object] | None
    fake: FakeOperation


def plan_flows(arm: FakeARM) -> tuple[Flow, ...]:
    """Plan the three; only the times are shorter than in the document."""
    vm = f"{_GROUP}/Microsoft.Compute/virtualMachines/web-01/start"
    deployment = f"{_GROUP}/microsoft.resources/deployments/shop"
    storage = f"{_GROUP}/Microsoft.Storage/storageAccounts/invoices"
    monitor = {"Azure-AsyncOperation": "{poll_url}"}
    accepted = {"name": "shop", "properties": {"provisioningState": "Accepted"}}
    account: Mapping[str, object] = {"location": "South Central US", "properties": {}, "kind": "Storage"}
    started = arm.operation("POST", vm, duration_s=2.5, retry_after=1, initial=Reply(202, None, monitor, 1))
    deployed = arm.operation(
        "PUT", deployment, duration_s=2.8, retry_after=1, running="Running", initial=Reply(201, accepted, monitor, 1)
    )
    created = arm.operation("PUT", storage, pattern="location", duration_s=3.2, retry_after=2)
    return (
        Flow("Start virtual machine", "POST", f"{vm}?api-version=2016-03-30", None, started),
        Flow("Deploy resources", "PUT", f"{deployment}?api-version=2016-09-01", {"properties": {}}, deployed),
        Flow("Create storage account", "PUT", f"{storage}?api-version=2016-01-01", account, created),
    )


class Transcript:
    """Writes down what is said in each flow, by a response hook of the client."""

    def __init__(self, flows: Sequence[Flow]) -> None:
        self._flows = {flow: anyio.create_memory_object_stream[FairQueue](math.inf) for flow in flows}
        self._began_s: dict[Flow, float] = {}
        self._open = len(flows)

    def begin(self, flow: Flow) -> None:
        """Start the flow's clock."""
        self._began_s[flow] = anyio.current_time()

    async def hear(self, response: HookedResponse) -> None:
        """Write down a request and its answer, if it is about one of the flows."""
        if not self._open:
            return
        path = str(response.request.url).partition("?")[0]
        flow = next((flow for flow in self._flows if path.endswith((flow.fake.path, flow.fake.id))), None)
        if flow is None or flow not in self._began_s:
            return
        body = await response.aread()
        first = response.request.method != "GET"
        at = f"{anyio.current_time() - self._began_s[flow]:5.1f} s"
        asked = f"{flow.method} {_short(flow.url)}" if first else f"GET {_what(flow, path)}"
        self._write(flow, f"{at}  {asked}", "request")
        code = response.status_code
        self._write(flow, f"         {code} {HTTPStatus(code).phrase}{_body(body)}", "answer")
        for name in _HEADERS if first else ():
            if name in response.headers:
                self._write(flow, f"         {name}: {_short(response.headers[name])}", "header")

    def end(self, flow: Flow, operation: AsyncOperation[HTTPResponse]) -> None:
        """Write down how it ended; the transcript of the flow is complete."""
        took_s = anyio.current_time() - self._began_s[flow]
        reads = operation.snapshot().polls
        ran_s = flow.fake.ends_at_s - (flow.fake.started_at_s or 0.0)
        text = (
            f"         = {operation.state.value}: it took {spoken(ran_s)}, known after {spoken(took_s)}, {reads} reads"
        )
        self._write(flow, text, "good" if operation.state == "succeeded" else "bad")
        self._flows[flow][0].close()
        self._open -= 1

    async def lines(self, flow: Flow) -> AsyncIterator[FairQueue]:
        """Yield the flow's lines as they come, until it has ended."""
        async with self._flows[flow][1] as lines:
            async for line in lines:
                yield line

    def _write(self, flow: Flow, text: str, style: str) -> None:
        self._flows[flow][0].send_nowait((text, style))


def _what(flow: Flow, path: str) -> str:
    if path.endswith(flow.fake.path):
        return "the resource, which is the result"
    return "the URL in Location" if flow.fake.script.pattern == "location" else "the URL in Azure-AsyncOperation"


def _short(url: str) -> str:
    return _SUBSCRIPTION.sub("/subscriptions/…", url)


def _body(body: bytes) -> str:
    try:
        document: object = json.loads(body)
    except ValueError:
        return ""
    if is_object(document):  # what the document shows first
        names = sorted({"status", "properties"} & document.keys(), reverse=True)
        names += [name for name in document if name not in {"id", *names}]
        document = {name: document[name] for name in names}
    text = json.dumps(document)
    return f"  {text}" if len(text) <= _WIDEST else f"  {text[: _WIDEST - 1]}…"
