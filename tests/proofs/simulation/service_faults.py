"""Faults: the replies of services and networks in place of the honest ones.

No fault claims an end that did not happen, since no client could detect it. So a 404 is not among the faults of a
resource that a DELETE polls. Another JSON document is not among the faults of a `Location`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from azpoll.protocol.answer import FailureKind
from tests.proofs.simulation.ground_truth import OTHER
from tests.proofs.simulation.service_reply import ODD_RETRIES, RETRIES, Effect, ServiceReply
from tests.proofs.simulation.simulated_service import ERROR, Role, Situation, at, body

if TYPE_CHECKING:
    from collections.abc import Iterator

Rows = tuple[tuple[int, ServiceReply], ...]

_BODIES = (b"", body({"status": "Succeeded"}), body({"error": ERROR}), b"<html>busy</html>")


def _every_retry(status: int, effect: Effect) -> Iterator[ServiceReply]:
    for place, retry_after in enumerate((*RETRIES, *ODD_RETRIES)):
        shown = _BODIES[place % 4]
        yield ServiceReply(
            f"{status}, {retry_after.name}", status, retry_after.headers, shown, effect, retry_after.seconds
        )


_NO_ANSWER = tuple(
    ServiceReply(
        fault.name.lower(), 0, effect=Effect.AUTH_FAILS if fault is FailureKind.AUTH else Effect.FAILS, fault=fault
    )
    for fault in FailureKind
    if not fault.fatal
)
_CUT = ServiceReply(
    "429 cut, 7", 429, {"retry-after": "7"}, effect=Effect.FAILS, retry_after_s=7.0, fault=FailureKind.CONNECTION
)

_FAILS: Rows = (
    *((2, reply) for code in (429, 503) for reply in _every_retry(code, Effect.FAILS)),
    *((4, ServiceReply(str(code), code, {}, _BODIES[code % 4], Effect.FAILS)) for code in (408, 500, 502, 504, 509)),
    *((8, reply) for reply in _NO_ANSWER),
    (4, _CUT),
    (2, ServiceReply("302 without a Location", 302, effect=Effect.FAILS)),
    (2, ServiceReply("304", 304, effect=Effect.FAILS)),
    (5, ServiceReply("302 in a loop", 302, {"location": "/loop"}, effect=Effect.REDIRECTS)),
)

_UNREADABLE: Rows = (
    (12, ServiceReply("an HTML page", 200, {"content-type": "text/html"}, b"<!DOCTYPE html><p>Sign in", Effect.FAILS)),
    (
        6,
        ServiceReply("a page that says JSON", 200, {"content-type": "application/json"}, b"Service busy", Effect.FAILS),
    ),
    (10, ServiceReply("cut JSON", 200, {}, b'{"status": "Succ', Effect.FAILS)),
    (4, ServiceReply("JSON too deep", 200, {}, b"[" * 5000, Effect.FAILS)),
)

_NO_STATUS: Rows = tuple(
    (3, ServiceReply(f"no status: {text!r}", 200, {}, text, Effect.FAILS))
    for text in (
        *(b"[]", b"null", b'"Succeeded"', b"1", b"{}", b'{"properties": null}', b'{"status": {"Succeeded": 1}}'),
        *(b'{"status": null}', b'{"status": 7}', b'{"status": ["Succeeded"]}', b'{"name": "vm", "Status": "Failed"}'),
    )
)

_MISSES: Rows = (
    *((6, ServiceReply(str(code), code, {}, body({"status": "Failed"}), Effect.MISSES)) for code in (404, 410)),
    (2, ServiceReply("404, 7", 404, {"retry-after": "7"}, b"", Effect.MISSES, 7.0)),
)

_FORBIDDEN: Rows = (
    (6, ServiceReply("403", 403, {}, body({"error": ERROR}), Effect.MISSES)),
    (2, ServiceReply("403, 7", 403, {"retry-after": "7"}, b"", Effect.MISSES, 7.0)),
)

_UNAUTHORIZED: Rows = (
    (12, ServiceReply("401", 401, {"www-authenticate": "Bearer"}, b"", Effect.UNAUTHORIZED)),
    (2, ServiceReply("401, 7", 401, {"retry-after": "7"}, b"", Effect.UNAUTHORIZED, 7.0)),
)

_REFUSES: Rows = tuple((1, ServiceReply(str(code), code, effect=Effect.REFUSES)) for code in (400, 405, 451))
_FATAL: Rows = tuple(
    (1, ServiceReply(f.name.lower(), 0, effect=Effect.REFUSES, fault=f)) for f in FailureKind if f.fatal
)

_FOREIGN_URLS = (
    "https://evil.example/op",
    "//evil.example/op",
    "http://management.azure.com/op",
    "https://management.azure.com:8443/op",
    "https://management.azure.com.evil.example/op",
    "https://management.azure.com@evil.example/op",
    "https://user:word@management.azure.com/op",
    "https://management.azure.com/op#part",
    "https://management.azure.com\\@evil.example/op",
    "https:///op",
    "file:///etc/passwd",
    "https://169.254.169.254/metadata",
)


def _foreign(name: str, status: int, shown: bytes = b"") -> Rows:
    return tuple(
        (1, ServiceReply(f"{status}, {name} to {url}", status, {name: url}, shown, Effect.FOREIGN))
        for url in _FOREIGN_URLS[::2]
    )


_STATUS_WORDS = (
    "Succeeding",
    "NotFailed",
    "Failed?",
    "succeeded-ish",
    "cancel",
    "0",
    "\u00dcberpr\u00fcfung",
    "x" * 600,
)


def _runs(shown: bytes, names: tuple[str, ...], path: str) -> Rows:
    """Return replies that say that the operation runs: stale ones, new URLs and invalid RetryAfter-After headers."""
    plain = ServiceReply("still runs", 202 if not shown else 200, {}, shown)
    odd = [
        replace(plain, name=f"runs, {retry_after.name}", headers=retry_after.headers, retry_after_s=retry_after.seconds)
        for retry_after in ODD_RETRIES
    ]
    newer = [
        replace(plain, name=f"runs, {name} now {url}", headers={name: url})
        for name in names
        for url in (f"{path}/2", at(f"{path}/2"), f"{OTHER}{path}")
    ]
    return ((10, plain), *((2, reply) for reply in odd), *((2, reply) for reply in newer))


def _moved(path: str) -> Rows:
    named = (path, at(path), path, at(path), f"//management.azure.com{path}")
    codes = zip((301, 302, 303, 307, 308), named, strict=True)
    return (
        *(
            (3, ServiceReply(f"{code} to {url}", code, {"location": url}, effect=Effect.REDIRECTS))
            for code, url in codes
        ),
        (1, ServiceReply(f"307 to {path}, 7", 307, {"location": path, "retry-after": "7"}, b"", Effect.REDIRECTS, 7.0)),
    )


_MONITORS = ("azure-asyncoperation", "operation-location")
_RESULT_WITH_STATUS = body({"status": "Succeeded", "sku": 1})  # no document of an operation (rule 49)
_RUNNING = body({"status": "InProgress", "percentComplete": 1})

_MONITOR: Rows = (
    *(*_UNREADABLE, *_NO_STATUS, *_MISSES, *_REFUSES),
    *_runs(_RUNNING, _MONITORS, "/op"),
    *((2, ServiceReply(f"runs, {word[:20]!r}", 200, {}, body({"status": word}))) for word in _STATUS_WORDS),
    *((2, ServiceReply(f"202, {text!r}", 202, {}, text)) for text in (b"", b"[]", b"<html>", b'{"status": 1}')),
    (4, ServiceReply("the resource", 200, {}, body({"properties": {"provisioningState": "Creating"}}))),
    (4, ServiceReply("an odd percentage", 200, {}, b'{"status": "Running", "percentComplete": -1e400}')),
    *((8, ServiceReply(f"runs, now {path}", 200, {_MONITORS[0]: path}, _RUNNING)) for path in ("/dead", "/dead/2")),
    *_foreign(_MONITORS[0], 200, _RUNNING),
    (1, ServiceReply("runs, foreign Location", 200, {"location": _FOREIGN_URLS[0]}, _RUNNING, foreign_location=True)),
)  # fmt: skip

_LOCATION: Rows = (
    *(*_UNREADABLE, *_MISSES, *_foreign("location", 202)),
    *_runs(b"", ("location",), "/result"),
    *((2, ServiceReply(f"202, {text!r}", 202, {}, text)) for text in (b"[]", b"<html>", _RESULT_WITH_STATUS)),
    *(
        (2, ServiceReply(f"200, {word[:20]!r}", 200, {}, body({"properties": {"provisioningState": word}})))
        for word in _STATUS_WORDS
    ),
)

_BODY: Rows = (
    *(*_UNREADABLE, *_MISSES, *_REFUSES),
    *_runs(body({"properties": {"provisioningState": "Updating"}}), ("etag",), ""),
    *(
        (2, ServiceReply(f"200, {word[:20]!r}", 200, {}, body({"properties": {"provisioningState": word}})))
        for word in _STATUS_WORDS
    ),
    (4, ServiceReply("202", 202, {}, body({"properties": {"provisioningState": "Succeeded"}}))),
)

_ANYWHERE: Rows = (*_FAILS, *_FORBIDDEN, *_UNAUTHORIZED, *_FATAL)
_NOT_YET: Rows = (
    (20, ServiceReply("not there yet", 202)),
    (4, ServiceReply("not there yet, 7", 202, {"retry-after": "7"}, b"", retry_after_s=7.0)),
)
_RESULT: Rows = (*_UNREADABLE, *_MISSES, *_REFUSES, *_NOT_YET)

_OWN: dict[Situation, Rows] = {
    Situation.MONITOR: _MONITOR,
    Situation.LOCATION: _LOCATION,
    Situation.RESOURCE_BODY: _BODY,
    Situation.DELETED: (),
    Situation.RESULT: _RESULT,
}
_MOVES: dict[Role, str] = {
    "monitor": "/op/moved",
    "location": "/result/moved",
    "resource": "/rg/vm/moved",
    "named": "/named/moved",
}

SUCCEEDED_FAULTS: tuple[ServiceReply, ...] = tuple(
    ServiceReply(
        name=f"ended, named {url}",
        status=200,
        body=body({"status": "Succeeded", "resourceLocation": url}),
        effect=Effect.ENDS,
        foreign_location=True,
    )
    for url in _FOREIGN_URLS
)  # fmt: skip
"""Replies of the monitor after the operation has succeeded."""


def _flat(rows: Rows) -> tuple[ServiceReply, ...]:
    return tuple(reply for weight, reply in rows for _ in range(weight))


FAULTS: dict[tuple[Role, Situation], tuple[ServiceReply, ...]] = {
    (role, situation): _flat((*_ANYWHERE, *own, *_moved(path), *_foreign("location", 302)[:2]))
    for role, path in _MOVES.items()
    for situation, own in _OWN.items()
}
"""The faults of each URL; each occurs as often as its weight."""

_REFUSALS = (400, 401, 409, 429, 500)

INITIAL_FAULTS: tuple[ServiceReply, ...] = (
    *(ServiceReply(f"refused with {code}", code, {}, body({"error": ERROR}), Effect.REFUSES) for code in _REFUSALS),
    ServiceReply("refused with 301", 301, {"location": at("/op")}, effect=Effect.REFUSES),
    *(
        ServiceReply(f"started, {name} {url}", 202, {name: url}, effect=Effect.FOREIGN)
        for name in (*_MONITORS, "location")
        for url in _FOREIGN_URLS
    ),
)  # fmt: skip
