"""The bytes on the wire: URLs, headers and bodies as Azure Resource Manager sends them, identical for every peer."""

from __future__ import annotations

SUBSCRIPTION = "/subscriptions/00000000-0000-0000-0000-000000000000"
RESOURCE = SUBSCRIPTION + "/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/vm{}?api-version=2024-07-01"
MONITOR = (
    SUBSCRIPTION + "/providers/Microsoft.Compute/locations/westeurope/operations/{:08x}-e463-4697-bef2-fe039df73a02"
    "?api-version=2024-07-01"
)
SIGNATURE = "t=639000000000000000&c=" + "MIIH1jCCBr6gAwIBAgI0" * 130 + "&s=" + "kT0vZ8mWqL1x" * 28 + "&h=" + "Q" * 43
"""The parameters by which ARM signs a polling URL today; with them it has 3.2 kB."""

AUTHORIZATION = "Bearer " + "eyJ0eXAiOiJKV1Qi" * 100
"""A token of realistic length, 1.6 kB; every peer sends it with each poll."""

BODY = (
    b'{"startTime":"2026-11-22T10:00:00.0000000+00:00","status":"%s",'
    b'"name":"9a062a88-e463-4697-bef2-fe039df73a02","percentComplete":50.0,"properties":{"note":"%s"}}'
)
RUNNING = BODY % (b"InProgress", b"x" * 40)
SUCCEEDED = BODY % (b"Succeeded", b"x" * 40)
HEADERS = (
    ("Cache-Control", "no-cache"),
    ("Pragma", "no-cache"),
    ("Content-Type", "application/json; charset=utf-8"),
    ("Expires", "-1"),
    ("Date", "Sun, 22 Nov 2026 10:00:00 GMT"),
    ("x-ms-request-id", "9a062a88-e463-4697-bef2-fe039df73a02"),
    ("x-ms-correlation-request-id", "9a062a88-e463-4697-bef2-fe039df73a03"),
    ("x-ms-ratelimit-remaining-subscription-reads", "249"),
    ("x-ms-routing-request-id", "WESTEUROPE:20261122T100000Z:9a062a88-e463-4697-bef2-fe039df73a02"),
    ("Strict-Transport-Security", "max-age=31536000; includeSubDomains"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Cache", "CONFIG_NOCACHE"),
    ("X-MSEdge-Ref", "Ref A: 9A062A88E4634697BEF2FE039DF73A02 Ref B: AMS231032605039 Ref C: 2026-11-22T10:00:00Z"),
)


def poll_response(body: bytes, retry_after: int) -> bytes:
    """Return the bytes of a response to a poll; `retry_after` is in seconds."""
    lines = [f"{name}: {value}" for name, value in HEADERS]
    lines += [f"Retry-After: {retry_after}", f"Content-Length: {len(body)}"]
    return ("HTTP/1.1 200 OK\r\n" + "\r\n".join(lines) + "\r\n\r\n").encode() + body
