"""Cases from the tests of other clients, as data; `source` names the original test."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from azpoll.options import FinalStateName

FILE = Path(__file__).with_name("peer_cases.json")


@dataclass(frozen=True)
class Reply:
    """One answer of the service; status 0 is a dropped connection."""

    status: int
    headers: dict[str, str]
    body: object
    repeat: bool


@dataclass(frozen=True)
class Case:
    """One operation: the answers of the service, and the expected outcome."""

    id: str
    source: str
    method: str
    url: str
    final_state_via: FinalStateName | None
    initial: Reply
    polls: tuple[Reply, ...]
    expect: dict[str, Any]


def _reply(data: dict[str, Any]) -> Reply:
    return Reply(data["status"], data.get("headers", {}), data.get("body"), data.get("repeat", False))


def load(file: Path = FILE) -> list[Case]:
    """Return the cases of a file."""
    return [
        Case(
            id=data["id"],
            source=data["source"],
            method=data["method"],
            url=data["url"],
            final_state_via=data.get("final_state_via"),
            initial=_reply(data["initial"]),
            polls=tuple(map(_reply, data["polls"])),
            expect=data["expect"],
        )
        for data in json.loads(file.read_text(encoding="utf-8"))
    ]
