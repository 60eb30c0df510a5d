"""Ordinary replies: the answers that follow from an operation's script and the current time, as ARM gives them.

Source: ARM resource provider contract, "Asynchronous Operations"; Azure REST API guidelines, "Long-running operations".
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from azpoll.testing.json_types import members
from azpoll.testing.steps import Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from azpoll.testing.client_audit import Role
    from azpoll.testing.exchange import IncomingRequest
    from azpoll.testing.fake_operation import FakeOperation

_ACCEPTED = 202


def ordinary_reply(operation: FakeOperation, role: Role, now_s: float, wall: Callable[[float], datetime]) -> Reply:
    """Return the script's answer to a request in that role at that time.

    Args:
        operation: of the request.
        role: of the request.
        now_s: time on the fake's clock.
        wall: converts a time on the fake's clock to wall time.
    """
    match role:
        case "initial":
            return _initial_reply(operation, now_s)
        case "monitor":
            return _monitor_reply(operation, now_s, wall)
        case "location":
            return _location_reply(operation, now_s)
        case "resource":
            return _resource_reply(operation, now_s)
        case "cancel":
            guidelines = operation.script.pattern == "operation-location"
            return _monitor_reply(operation, now_s, wall) if guidelines else Reply(204)


def unplanned_reply(request: IncomingRequest) -> Reply:
    """Return the 404 for a request that belongs to no operation."""
    if request.method == "GET":
        return _not_found(request.path)
    message = f"No operation is planned for {request.method} {request.path}; see FakeARM.operation and FakeARM.default."
    return Reply(404, {"error": {"code": "NotPlanned", "message": message}})


def _initial_reply(operation: FakeOperation, now_s: float) -> Reply:
    script = operation.script
    headers: dict[str, str] = {}
    if script.pattern == "azure-async-operation":
        headers["Azure-AsyncOperation"] = operation.monitor_url
    elif script.pattern == "operation-location":
        headers["Operation-Location"] = operation.monitor_url
    if script.pattern == "location" or script.location or (headers and operation.method == "POST"):
        headers["Location"] = operation.location_url
    writes = operation.method in {"PUT", "PATCH"}
    body = _resource(operation, now_s) if writes and script.pattern != "location" else None
    return Reply(script.initial_status or _initial_status(operation), body, headers, script.retry_after)


def _initial_status(operation: FakeOperation) -> int:
    pattern = operation.script.pattern
    if pattern == "location" or operation.method not in {"PUT", "PATCH"}:
        return _ACCEPTED
    if operation.method == "PATCH":
        return 200 if pattern == "body" else _ACCEPTED
    return 201


def _monitor_reply(operation: FakeOperation, now_s: float, wall: Callable[[float], datetime]) -> Reply:
    script = operation.script
    ended = operation.ended_by(now_s)
    document: dict[str, object] = {
        "id": operation.monitor_url.removeprefix(operation.origin).partition("?")[0],
        "name": operation.id,
        "status": operation.status(now_s),
        "startTime": _timestamp(operation.started_at_s, wall),
    }
    if script.percent_complete:
        document["percentComplete"] = operation.percent_complete(now_s)
    if not ended:
        return Reply(200, document, retry_after=script.retry_after)
    document["endTime"] = _timestamp(operation.ends_at_s, wall)
    if not operation.succeeds:
        document["error"] = _error(operation)
    elif script.resource_location:
        document["resourceLocation"] = operation.resource_url
    elif operation.method == "POST" and script.result is not None:
        document["properties"] = script.result
    return Reply(200, document)


def _location_reply(operation: FakeOperation, now_s: float) -> Reply:
    """Return the answer of the result URL: 202 while the operation runs, then the answer of a synchronous call."""
    if not operation.ended_by(now_s):
        return Reply(_ACCEPTED, headers={"Location": operation.location_url}, retry_after=operation.script.retry_after)
    if not operation.succeeds:
        return Reply(operation.script.error_status, {"error": _error(operation)}, terminal=True)
    if operation.method == "DELETE":
        return Reply(204)
    return Reply(200, _resource(operation, now_s))


def _resource_reply(operation: FakeOperation, now_s: float) -> Reply:
    ended = operation.ended_by(now_s)
    if ended and operation.method == "DELETE" and operation.succeeds:
        return _not_found(operation.path, terminal=True)
    polled = operation.script.pattern == "body" and not ended
    return Reply(200, _resource(operation, now_s), retry_after=operation.script.retry_after if polled else None)


def _not_found(path: str, *, terminal: bool = False) -> Reply:
    error = {"code": "ResourceNotFound", "message": f"The resource '{path}' was not found."}
    return Reply(404, {"error": error}, terminal=terminal)


def _resource(operation: FakeOperation, now_s: float) -> object:
    script = operation.script
    ended = operation.ended_by(now_s)
    if ended and operation.succeeds and script.result is not None:
        return script.result
    sent = operation.request_document
    state = {"provisioningState": operation.status(now_s)}
    document: dict[str, object] = {
        **sent,
        "id": operation.path,
        "name": operation.path.rpartition("/")[2],
        "properties": {**members(sent.get("properties")), **state},
    }
    if ended and not operation.succeeds:
        document["error"] = _error(operation)
    return document


def _error(operation: FakeOperation) -> Mapping[str, object]:
    if operation.canceled:
        return {"code": "OperationCanceled", "message": "The operation was canceled."}
    generic = {"code": f"Operation{operation.outcome}", "message": f"The operation ended as {operation.outcome}."}
    return operation.script.error or generic


def _timestamp(at_s: float | None, wall: Callable[[float], datetime]) -> str | None:
    return None if at_s is None or at_s == math.inf else wall(at_s).isoformat()
