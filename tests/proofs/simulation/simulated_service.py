"""The simulated service: its URLs and its honest answers."""

from __future__ import annotations

import json
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING, Literal

from tests.proofs.simulation.ground_truth import HOST, OTHER
from tests.proofs.simulation.service_reply import RETRIES, Effect, ServiceReply

if TYPE_CHECKING:
    from tests.proofs.simulation.ground_truth import Ending, Header, Truth

Role = Literal["monitor", "location", "resource", "named", "dead", "loop"]


class Situation(Enum):
    """The purpose of a URL for one operation."""

    MONITOR = "the status monitor"
    LOCATION = "the Location that is polled"
    RESOURCE_BODY = "the resource that is polled"
    DELETED = "the resource that a DELETE removes"
    RESULT = "the result"
    DEAD_END = "a URL that never existed, or a redirect loop"
    UNRELATED = "a URL that has no purpose"

    __hash__ = object.__hash__  # the hash of Enum is slow Python code


def at(path: str) -> str:
    """Return the URL of a path."""
    return f"{HOST}{path}?api-version=1"


_PATHS: dict[Role, tuple[str, ...]] = {
    "monitor": ("/op", "/op/2", "/op/3", "/op/moved"),
    "location": ("/result", "/result/2", "/result/moved"),
    "resource": ("/rg/vm", "/rg/vm/moved"),
    "named": ("/named", "/op/named", "/named/moved"),
    "dead": ("/dead", "/dead/2"),
    "loop": ("/loop",),
}

ROLES: dict[str, Role] = {
    url: role
    for role, paths in _PATHS.items()
    for path in paths
    for url in (at(path), f"{HOST}:443{path}?api-version=1", f"{OTHER}{path}")
}
"""The role of every URL of the service."""

TRUSTED = (f"{HOST}/", f"{HOST}:443/", f"{OTHER}/")
"""Prefixes of the URLs that may be requested, text_of without a URL parser."""


def situation_of(truth: Truth, role: Role | None) -> Situation:
    """Return the purpose of a URL of that role for an operation."""
    match role:
        case "monitor" if truth.is_monitor:
            return Situation.MONITOR
        case "location" if truth.header == "location":
            return Situation.LOCATION
        case "location" if truth.has_location and truth.is_monitor:
            return Situation.RESULT
        case "resource" if truth.method == "DELETE":
            return Situation.DELETED
        case "resource" if truth.header is None:
            return Situation.RESOURCE_BODY
        case "resource" if truth.method != "POST" or truth.result_at == "resource":
            return Situation.RESULT
        case "named" if truth.names_result:
            return Situation.RESULT
        case "dead" | "loop":
            return Situation.DEAD_END
        case _:
            return Situation.UNRELATED


def honest(truth: Truth, role: Role, situation: Situation, *, ended: bool) -> ServiceReply:
    """Return the honest reply at a URL of that role."""
    if role == "dead":
        return DEAD
    if role == "loop":
        return LOOP
    if situation is Situation.RESULT:
        if role != "resource" or (ended and truth.ending == "succeeded"):
            return _result(role, deletes=truth.method == "DELETE")
        situation = Situation.RESOURCE_BODY  # only a client without access to the monitor polls it
    if not ended:
        return _running(situation, truth.retry, truth.number % 3)
    if situation is Situation.DELETED:
        return GONE if truth.ending == "succeeded" else EXISTS
    return _ended(situation, truth.word, truth.ending, truth.method == "DELETE", truth.names_result, truth.initial % 3)


def body(value: object) -> bytes:
    """Return a value as JSON bytes."""
    return json.dumps(value).encode()


ERROR = {"code": "Conflict", "message": "It cannot be."}
DEAD = ServiceReply("never there", 404, effect=Effect.MISSES)
LOOP = ServiceReply("a redirect loop", 302, {"location": at("/loop")}, effect=Effect.REDIRECTS)
GONE = ServiceReply("gone", 404, effect=Effect.ENDS)
EXISTS = ServiceReply("still there", 200, {}, body({"name": "vm"}), Effect.EXISTS)


@cache
def _running(situation: Situation, retry: int, variant: int) -> ServiceReply:
    retry_after = RETRIES[retry]
    name = f"running, {retry_after.name}"
    if situation is Situation.MONITOR:
        document = ({"status": "InProgress"}, {"status": "Running", "percentComplete": 40.0}, {"status": " Updating"})
        status = 202 if variant == 1 else 200
        return ServiceReply(
            name, status, retry_after.headers, body(document[variant]), Effect.RUNS, retry_after.seconds
        )
    if situation is Situation.LOCATION:
        return ServiceReply(
            name, 202, retry_after.headers, b"" if variant else body({"status": "?"}), Effect.RUNS, retry_after.seconds
        )
    if situation is Situation.DELETED:
        return ServiceReply(name, 200, retry_after.headers, EXISTS.body, Effect.EXISTS, retry_after.seconds)
    shown = body({"name": "vm", "properties": {"provisioningState": ("Creating", "Accepted", "Failing")[variant]}})
    return ServiceReply(name, 200, retry_after.headers, shown, Effect.RUNS, retry_after.seconds)


@cache
def _ended(situation: Situation, word: str, ending: Ending, deletes: bool, names: bool, variant: int) -> ServiceReply:  # noqa: FBT001, PLR0917 - the key of a cache
    name = f"ended, {word.strip()}"
    if situation is Situation.MONITOR:
        document: dict[str, object] = {"status": word, "percentComplete": 100, "properties": {"at": "the monitor"}}
        if ending == "failed":
            document["error"] = ERROR
        elif names:
            document["resourceLocation"] = ("/named", at("/named"), "named")[variant]
        return ServiceReply(name, 200, {}, body(document), Effect.ENDS)
    if situation is Situation.RESOURCE_BODY:
        return ServiceReply(name, 200, {}, body({"properties": {"provisioningState": word}}), Effect.ENDS)
    if ending == "succeeded":
        return _result("location", deletes=deletes)
    if ending == "failed" and not variant:
        return ServiceReply(f"{name}, 409", 409, {}, body({"error": ERROR}), Effect.ENDS)
    shown = {"status": word, "error": ERROR} if variant == 1 else {"properties": {"provisioningState": word}}
    return ServiceReply(name, 200, {}, body(shown), Effect.ENDS)


@cache
def _result(role: Role, *, deletes: bool) -> ServiceReply:
    if role == "location":
        if deletes:
            return ServiceReply("nothing left", 204, effect=Effect.ENDS)
        return ServiceReply("the result", 200, {}, body({"value": "of the location"}), Effect.ENDS)
    return ServiceReply("the result", 200, {}, body({"value": f"of the {role}"}), Effect.RESULT)


def initial(truth: Truth) -> ServiceReply:
    """Return the honest reply to the initial request."""
    return _initial(truth.method, truth.header, truth.has_location, truth.retry, truth.initial % 6)


@cache
def _initial(method: str, header: Header | None, has_location: bool, retry: int, variant: int) -> ServiceReply:  # noqa: FBT001 - the key of a cache
    retry_after = RETRIES[retry]
    creates = method in {"PUT", "PATCH"}
    headers = dict(retry_after.headers)
    status = (201 if method == "PUT" else 202) if variant % 2 else (200 if header and variant else 202)
    shown = b""
    if creates and variant % 3:
        shown = body(
            {"properties": {"provisioningState": "Creating" if header is None or variant < 3 else "Succeeded"}}
        )
    elif not creates and header and variant > 3:
        shown = body({"status": "InProgress"})
    if header is not None:
        path = "/result" if header == "location" else "/op"
        named = (path, at(path), f"//management.azure.com{path}", path, f"{OTHER}{path}", f"{HOST}:443{path}")
        headers[header] = named[variant]
        if has_location and header != "location":
            headers["location"] = at("/result")
    elif method == "DELETE":
        status = 202
    return ServiceReply(
        f"started with {status}, {header}, {variant}, {retry_after.name}",
        status,
        headers,
        shown,
        Effect.RUNS,
        retry_after.seconds,
    )
