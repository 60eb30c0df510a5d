"""The service: which URLs it has, and what it answers honestly there."""

from __future__ import annotations

import json
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING, Literal

from tests.proofs.simulation.ground_truth import HOST, OTHER
from tests.proofs.simulation.service_reply import RETRIES, Effect, Said

if TYPE_CHECKING:
    from tests.proofs.simulation.ground_truth import Ending, Header, Truth

Role = Literal["monitor", "location", "resource", "named", "dead", "loop"]


class Situation(Enum):
    """What a URL is to one operation."""

    MONITOR = "its status monitor"
    LOCATION = "the Location it is polled at"
    BODY = "the resource it is polled at"
    VANISHING = "the resource that it deletes"
    RESULT = "its result"
    STRAY = "nothing: it was never there, or leads in circles"
    NOBODYS = "not to be asked for it"

    __hash__ = object.__hash__  # that of Enum is Python code


def at(path: str) -> str:
    """Return what a path is asked as."""
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
"""Every URL there is."""

TRUSTED = (f"{HOST}/", f"{HOST}:443/", f"{OTHER}/")
"""How every URL begins that may be asked, written down without a parser."""


def situation_of(truth: Truth, role: Role | None) -> Situation:
    """Return what a URL of that role is to an operation."""
    match role:
        case "monitor" if truth.is_monitor:
            return Situation.MONITOR
        case "location" if truth.header == "location":
            return Situation.LOCATION
        case "location" if truth.has_location and truth.is_monitor:
            return Situation.RESULT
        case "resource" if truth.method == "DELETE":
            return Situation.VANISHING
        case "resource" if truth.header is None:
            return Situation.BODY
        case "resource" if truth.method != "POST" or truth.result_at == "resource":
            return Situation.RESULT
        case "named" if truth.names_result:
            return Situation.RESULT
        case "dead" | "loop":
            return Situation.STRAY
        case _:
            return Situation.NOBODYS


def honest(truth: Truth, role: Role, situation: Situation, *, ended: bool) -> Said:
    """Return what the service says, truly, at a URL of that role."""
    if role == "dead":
        return DEAD
    if role == "loop":
        return LOOP
    if situation is Situation.RESULT:
        if role != "resource" or (ended and truth.ending == "succeeded"):
            return _result(role, deletes=truth.method == "DELETE")
        situation = Situation.BODY  # nobody asks for it, but who cannot ask the monitor
    if not ended:
        return _running(situation, truth.retry, truth.number % 3)
    if situation is Situation.VANISHING:
        return GONE if truth.ending == "succeeded" else STANDS
    return _ended(situation, truth.word, truth.ending, truth.method == "DELETE", truth.names_result, truth.initial % 3)


def body(value: object) -> bytes:
    """Return JSON as it is sent."""
    return json.dumps(value).encode()


ERROR = {"code": "Conflict", "message": "It cannot be."}
DEAD = Said("never there", 404, effect=Effect.MISSES)
LOOP = Said("a circle", 302, {"location": at("/loop")}, effect=Effect.REDIRECTS)
GONE = Said("gone", 404, effect=Effect.ENDS)
STANDS = Said("still there", 200, {}, body({"name": "vm"}), Effect.STANDS)


@cache
def _running(situation: Situation, retry: int, variant: int) -> Said:
    told = RETRIES[retry]
    name = f"running, {told.name}"
    if situation is Situation.MONITOR:
        document = ({"status": "InProgress"}, {"status": "Running", "percentComplete": 40.0}, {"status": " Updating"})
        status = 202 if variant == 1 else 200
        return Said(name, status, told.headers, body(document[variant]), Effect.RUNS, told.told_s)
    if situation is Situation.LOCATION:
        return Said(name, 202, told.headers, b"" if variant else body({"status": "?"}), Effect.RUNS, told.told_s)
    if situation is Situation.VANISHING:
        return Said(name, 200, told.headers, STANDS.body, Effect.STANDS, told.told_s)
    shown = body({"name": "vm", "properties": {"provisioningState": ("Creating", "Accepted", "Failing")[variant]}})
    return Said(name, 200, told.headers, shown, Effect.RUNS, told.told_s)


@cache
def _ended(situation: Situation, word: str, ending: Ending, deletes: bool, names: bool, variant: int) -> Said:  # noqa: FBT001, PLR0917 - the key of a cache
    name = f"ended, {word.strip()}"
    if situation is Situation.MONITOR:
        document: dict[str, object] = {"status": word, "percentComplete": 100, "properties": {"at": "the monitor"}}
        if ending == "failed":
            document["error"] = ERROR
        elif names:
            document["resourceLocation"] = ("/named", at("/named"), "named")[variant]
        return Said(name, 200, {}, body(document), Effect.ENDS)
    if situation is Situation.BODY:
        return Said(name, 200, {}, body({"properties": {"provisioningState": word}}), Effect.ENDS)
    if ending == "succeeded":
        return _result("location", deletes=deletes)
    if ending == "failed" and not variant:
        return Said(f"{name}, 409", 409, {}, body({"error": ERROR}), Effect.ENDS)
    shown = {"status": word, "error": ERROR} if variant == 1 else {"properties": {"provisioningState": word}}
    return Said(name, 200, {}, body(shown), Effect.ENDS)


@cache
def _result(role: Role, *, deletes: bool) -> Said:
    if role == "location":
        if deletes:
            return Said("nothing left", 204, effect=Effect.ENDS)
        return Said("the result", 200, {}, body({"value": "of the location"}), Effect.ENDS)
    return Said("the result", 200, {}, body({"value": f"of the {role}"}), Effect.RESULT)


def initial(truth: Truth) -> Said:
    """Return the honest answer to the initial request."""
    return _initial(truth.method, truth.header, truth.has_location, truth.retry, truth.initial % 6)


@cache
def _initial(method: str, header: Header | None, has_location: bool, retry: int, variant: int) -> Said:  # noqa: FBT001 - the key of a cache
    told = RETRIES[retry]
    creates = method in {"PUT", "PATCH"}
    headers = dict(told.headers)
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
    return Said(
        f"started with {status}, {header}, {variant}, {told.name}", status, headers, shown, Effect.RUNS, told.told_s
    )
