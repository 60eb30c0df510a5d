"""Operations of a journal for reports: a day of deployments, the same each time."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass

import azpoll
from azpoll.journal import JournalEntry
from azpoll.operation_state import OperationState

BEGUN_S = 1_772_355_600.0
"""2026-03-01 09:00:00 UTC."""

QUOTA = {
    "error": {
        "code": "DeploymentFailed",
        "message": "At least one resource deployment operation failed.",
        "details": [
            {
                "code": "Conflict",
                "message": "The request could not be completed.",
                "details": [
                    {
                        "code": "QuotaExceeded",
                        "message": "Operation exceeds the approved quota of 20 standardDSv5Family cores.",
                        "target": "/subscriptions/s/providers/Microsoft.Compute/locations/westeurope",
                    }
                ],
            }
        ],
    }
}
POLICY = {
    "error": {"code": "RequestDisallowedByPolicy", "message": "Policy 'tags' denies a resource without an owner."}
}
KINDS = (
    ("Microsoft.Compute/virtualMachines", "web", 95.0),
    ("Microsoft.Sql/servers/s/databases", "orders", 240.0),
    ("Microsoft.Storage/storageAccounts", "logs", 25.0),
    ("Microsoft.Network/privateEndpoints", "pe", 60.0),
)


@dataclass(frozen=True, slots=True)
class Sample:
    """The end of one operation: its state, the status code and the body of the last answer, and its error."""

    state: OperationState | None
    status_code: int | None = 200
    body: object = None
    error: str | None = None


def entry(
    number: int, sample: Sample | None, begun_s: float, took_s: float, name: str, **fields: object
) -> JournalEntry:
    """Return the entry of an operation; one that runs if there is no sample."""
    kind = KINDS[number % len(KINDS)][0]
    url = f"https://management.azure.com/subscriptions/s/resourceGroups/web/providers/{kind}/{name}?api-version=***"
    common: dict[str, object] = {
        "operation_id": f"{number:016x}",
        "method": "PUT",
        "url": url,
        "client_request_id": f"7b0c1c9e-0000-4000-8000-{number:012x}",
        "label": name,
        "group": "release 42",
        "token": None,
        "polls": int(took_s // 15) + 2,
        "throttled": number % 7 // 5,
    }
    rest: dict[str, object] = {"status": "Creating", "intent": False, "options": ""}
    if sample is None:
        row: azpoll.JournalRow | azpoll.JournalResult = azpoll.JournalRow(**{**common, **rest, **fields})  # type: ignore[arg-type]  # - its members
    else:
        body = b"" if sample.body is None else json.dumps(sample.body).encode()
        rest = {"state": sample.state, "status_code": sample.status_code, "body": body, "error": sample.error}
        row = azpoll.JournalResult(**{**common, **rest, "body_length": len(body), **fields})  # type: ignore[arg-type]  # - its members
    return JournalEntry(number, row, begun_s, begun_s + took_s)


def day(count: int) -> list[JournalEntry]:
    """Return the operations of a day; one in nine does not succeed."""
    chance = random.Random(7)  # noqa: S311 - not for secrets
    found: list[JournalEntry] = []
    begun_s = BEGUN_S
    for number in range(1, count + 1):
        _, stem, mean_s = KINDS[number % len(KINDS)]
        begun_s += chance.expovariate(0.12)
        took_s = mean_s * chance.lognormvariate(0.0, 0.45)
        sample = _sample(number)
        if sample is not None and sample.state is None:
            took_s = 0.4
        found.append(entry(number, sample, begun_s, took_s, f"{stem}-{number:02}"))
    return found


def _sample(number: int) -> Sample | None:
    if number % 18 == 7:
        return Sample(OperationState.FAILED, 409, QUOTA, "the service reported: DeploymentFailed")
    if number % 29 == 12:
        return Sample(OperationState.FAILED, 403, POLICY, "the service reported: RequestDisallowedByPolicy")
    if number % 31 == 21:
        return Sample(OperationState.CANCELED, 200, None, "the service reported: Canceled")
    if number % 41 == 33:
        return Sample(OperationState.UNKNOWN, None, None, "no answer could be read for 1 h: connection refused")
    if number % 37 == 5:
        return Sample(None, 400, POLICY, "the initial request was refused with 400")
    return Sample(OperationState.SUCCEEDED, 200, {"status": "Succeeded"})
