"""The three flows of the document "Track asynchronous Azure operations", and a transcript of their HTTP messages."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeAlias

import anyio

from azpoll.duration_text import duration_text
from azpoll.testing import Reply

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from azpoll import AsyncOperation
    from azpoll.cli.demo.client import Response
    from azpoll.options import Method
    from azpoll.testing import FakeARM, FakeOperation

StyledText: TypeAlias = tuple[str, str]
"""A line of text and its style, a key of `view.STYLES`."""

_HEADERS = ("Azure-AsyncOperation", "Location", "Retry-After")
_GROUP = "/subscriptions/11111111-2222-4333-8444-555555555555/resourceGroups/demo/providers"
_SUBSCRIPTION = re.compile(r"/subscriptions/[^/]*")
_MAX_BODY_WIDTH = 56


@dataclass(frozen=True, slots=True, eq=False)
class Flow:
    """One flow of the document.

    Attributes:
        title: the heading in the document.
        method: of the initial request.
        url: path and query of the initial request.
        body: JSON body of the initial request; None for none.
        fake: the operation in the fake service.
    """

    title: str
    method: Method
    url: str
    body: Mapping[str, object] | None
    fake: FakeOperation


def plan_flows(arm: FakeARM) -> tuple[Flow, ...]:
    """Plan the three flows in the fake; they differ from the document only in shorter times."""
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
    """Records the requests and answers of each flow, as a response hook of the client."""

    def __init__(self, flows: Sequence[Flow]) -> None:
        self._streams = {flow: anyio.create_memory_object_stream[StyledText](math.inf) for flow in flows}
        self._started_at_s: dict[Flow, float] = {}
        self._open = len(flows)

    def start(self, flow: Flow) -> None:
        """Start the clock of a flow."""
        self._started_at_s[flow] = anyio.current_time()

    async def on_response(self, response: Response) -> None:
        """Record a request and its answer if they belong to a flow."""
        if not self._open:
            return
        path = str(response.request.url).partition("?")[0]
        flow = next((flow for flow in self._streams if path.endswith((flow.fake.path, flow.fake.id))), None)
        if flow is None or flow not in self._started_at_s:
            return
        body = await response.aread()
        initial = response.request.method != "GET"
        at = f"{anyio.current_time() - self._started_at_s[flow]:5.1f} s"
        request = f"{flow.method} {_shorten(flow.url)}" if initial else f"GET {_name_url(flow, path)}"
        self._write(flow, f"{at}  {request}", "request")
        code = response.status_code
        self._write(flow, f"         {code} {HTTPStatus(code).phrase}{_summarize(body)}", "answer")
        for name in _HEADERS if initial else ():
            if name in response.headers:
                self._write(flow, f"         {name}: {_shorten(response.headers[name])}", "header")

    def end(self, flow: Flow, operation: AsyncOperation[Response]) -> None:
        """Record the outcome and complete the transcript of the flow."""
        detected_s = anyio.current_time() - self._started_at_s[flow]
        ran_s = flow.fake.ends_at_s - (flow.fake.started_at_s or 0.0)
        times = f"ran {duration_text(ran_s)}, detected after {duration_text(detected_s)}"
        text = f"         = {operation.state.value}: {times}, {operation.snapshot().polls} reads"
        self._write(flow, text, "good" if operation.state == "succeeded" else "bad")
        self._streams[flow][0].close()
        self._open -= 1

    async def lines(self, flow: Flow) -> AsyncIterator[StyledText]:
        """Yield the lines of a flow as they are recorded, until it has ended."""
        async with self._streams[flow][1] as lines:
            async for line in lines:
                yield line

    def _write(self, flow: Flow, text: str, style: str) -> None:
        self._streams[flow][0].send_nowait((text, style))


def _name_url(flow: Flow, path: str) -> str:
    if path.endswith(flow.fake.path):
        return "the resource, which is the result"
    return "the URL in Location" if flow.fake.script.pattern == "location" else "the URL in Azure-AsyncOperation"


def _shorten(url: str) -> str:
    return _SUBSCRIPTION.sub("/subscriptions/…", url)


def _summarize(body: bytes) -> str:
    """Return a JSON body with status and properties first, cut to the width of a line; empty for other bodies."""
    try:
        document: dict[str, object] | list[object] | str | float | None = json.loads(body)
    except ValueError:
        return ""
    if isinstance(document, dict):
        names = sorted({"status", "properties"} & document.keys(), reverse=True)
        names += [name for name in document if name not in {"id", *names}]
        document = {name: document[name] for name in names}
    text = json.dumps(document)
    return f"  {text}" if len(text) <= _MAX_BODY_WIDTH else f"  {text[: _MAX_BODY_WIDTH - 1]}…"
