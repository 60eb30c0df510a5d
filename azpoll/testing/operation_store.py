"""`OperationStore`: planned and started operations, and the operation that each request belongs to."""

from __future__ import annotations

import json
from types import MappingProxyType
from typing import TYPE_CHECKING

from azpoll.testing.fake_operation import FakeOperation
from azpoll.testing.json_types import members

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from azpoll.testing.client_audit import ClientAudit, Role
    from azpoll.testing.exchange import IncomingRequest
    from azpoll.testing.script import Script

_INITIAL_METHODS = frozenset({"PUT", "PATCH", "POST", "DELETE"})


class OperationStore:
    """Planned and started operations.

    Attributes:
        started: id to operation.
    """

    def __init__(self, make_audit: Callable[[], ClientAudit]) -> None:
        self._make_audit = make_audit
        self._count = 0
        self._planned: dict[tuple[str, str], FakeOperation] = {}
        self._started: dict[str, FakeOperation] = {}
        self._by_resource: dict[str, FakeOperation] = {}
        self.started: Mapping[str, FakeOperation] = MappingProxyType(self._started)

    def plan(self, method: str, path: str, script: Script) -> FakeOperation:
        """Return a new operation that the next request with that method and path starts."""
        operation = self._make(script, method.upper(), path)
        self._planned[operation.method, path.lower()] = operation
        return operation

    def find(self, request: IncomingRequest) -> tuple[FakeOperation | None, Role]:
        """Return the operation that a request belongs to and the request's role.

        The result is None and "initial" for a request that may start an operation.
        """
        path = request.path
        parent, _, last = path.rpartition("/")
        if request.method not in _INITIAL_METHODS:
            operation = self._started.get(last)
            if operation is not None:
                return operation, "monitor" if parent.endswith("operationStatuses") else "location"
            return self._by_resource.get(path.lower()), "resource"
        if request.method == "POST" and ("POST", path.lower()) not in self._planned:
            canceled = self._find_canceled(parent, last)
            if canceled is not None:
                return canceled, "cancel"
        return None, "initial"

    def _find_canceled(self, parent: str, last: str) -> FakeOperation | None:
        if last.endswith(":cancel"):
            return self._started.get(last.removesuffix(":cancel"))
        if last.lower() != "cancel":
            return None
        return self._by_resource.get(parent.lower()) or self._started.get(parent.rpartition("/")[2])

    def start(
        self, request: IncomingRequest, default: Script | Callable[[IncomingRequest], Script] | None, now_s: float
    ) -> FakeOperation | None:
        """Start the operation planned for a request, else one with the default script; None if there is neither."""
        key = (request.method, request.path.lower())
        planned = self._planned.get(key) or self._planned.get((request.method, "*"))
        if planned is not None and planned.started_at_s is None:
            operation = planned
        elif planned is not None:
            operation = self._make(planned.script, *key)
        elif request.method in _INITIAL_METHODS and default is not None:
            operation = self._make(default(request) if callable(default) else default, *key)
        else:
            return None
        operation.start(request, _json_object(request.body), now_s)
        self._started[operation.id] = self._by_resource[key[1]] = operation
        return operation

    def _make(self, script: Script, method: str, path: str) -> FakeOperation:
        self._count += 1
        return FakeOperation(
            f"{self._count:08x}-0000-4000-8000-{self._count:012x}", script, method, path, self._make_audit
        )


def _json_object(body: bytes) -> Mapping[str, object]:
    try:
        document: object = json.loads(body or b"{}")
    except ValueError:
        return {}
    return members(document)
