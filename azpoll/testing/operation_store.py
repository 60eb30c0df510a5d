"""`Operations`: which operation a request is about, and the start of new ones."""

from __future__ import annotations

import json
from types import MappingProxyType
from typing import TYPE_CHECKING

from azpoll.testing.fake_operation import FakeOperation
from azpoll.testing.json_types import members

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from azpoll.testing.client_audit import Role, Watch
    from azpoll.testing.exchange import IncomingRequest
    from azpoll.testing.script import Script

_STARTS = frozenset({"PUT", "PATCH", "POST", "DELETE"})


class Operations:
    """Planned and started operations.

    Attributes:
        started: id to operation.
    """

    def __init__(self, make_watch: Callable[[], Watch]) -> None:
        self._make_watch = make_watch
        self._count = 0
        self._planned: dict[tuple[str, str], FakeOperation] = {}
        self._started: dict[str, FakeOperation] = {}
        self._by_resource: dict[str, FakeOperation] = {}
        self.started: Mapping[str, FakeOperation] = MappingProxyType(self._started)

    def plan(self, method: str, path: str, script: Script) -> FakeOperation:
        """Return an operation that the next such request starts."""
        operation = self._make(script, method.upper(), path)
        self._planned[operation.method, path.lower()] = operation
        return operation

    def find(self, request: IncomingRequest) -> tuple[FakeOperation | None, Role]:
        """Return the operation a request is about and what it asks of it; None and "initial" for a new one's start."""
        path = request.path
        parent, _, last = path.rpartition("/")
        if request.method not in _STARTS:
            operation = self._started.get(last)
            if operation is not None:
                return operation, "monitor" if parent.endswith("operationStatuses") else "location"
            return self._by_resource.get(path.lower()), "resource"
        if request.method == "POST" and ("POST", path.lower()) not in self._planned:
            canceled = self._to_cancel(parent, last)
            if canceled is not None:
                return canceled, "cancel"
        return None, "initial"

    def _to_cancel(self, parent: str, last: str) -> FakeOperation | None:
        if last.endswith(":cancel"):
            return self._started.get(last.removesuffix(":cancel"))
        if last.lower() != "cancel":
            return None
        return self._by_resource.get(parent.lower()) or self._started.get(parent.rpartition("/")[2])

    def start(
        self, request: IncomingRequest, default: Script | Callable[[IncomingRequest], Script] | None, now_s: float
    ) -> FakeOperation | None:
        """Start the operation planned for a request, or one that goes by default; return None if there is neither."""
        key = (request.method, request.path.lower())
        planned = self._planned.get(key) or self._planned.get((request.method, "*"))
        if planned is not None and planned.started_at_s is None:
            operation = planned
        elif planned is not None:
            operation = self._make(planned.script, *key)
        elif request.method in _STARTS and default is not None:
            operation = self._make(default(request) if callable(default) else default, *key)
        else:
            return None
        operation.start(request, _sent(request.body), now_s)
        self._started[operation.id] = self._by_resource[key[1]] = operation
        return operation

    def _make(self, script: Script, method: str, path: str) -> FakeOperation:
        self._count += 1
        return FakeOperation(
            f"{self._count:08x}-0000-4000-8000-{self._count:012x}", script, method, path, self._make_watch()
        )


def _sent(body: bytes) -> Mapping[str, object]:
    try:
        document: object = json.loads(body or b"{}")
    except ValueError:
        return {}
    return members(document)
