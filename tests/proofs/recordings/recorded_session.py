"""`Session`: one recorded operation of a real service, as a folder of recordings holds it.

Each line of a file `sessions-*.jsonl` is a JSON object: `id`, `method`, `url`, `pattern`, `initial` and `polls` with
`s` (status), `h` (headers) and `b` (body), `expect` with `verdict` and `code`. A poll also has its URL `u` and the
number `n` of equal answers in a row. `foreign` lists the origins that differ from the initial one.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.proofs.recordings.operation_script import Reply, Step

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


FOLDER = os.environ.get("AZPOLL_RECORDINGS")
"""A folder of recorded sessions. The repository has only their shapes."""


class Session(NamedTuple):
    """A write, each later GET of the recorded client, and the verdicts that fit the recording."""

    id: str
    method: str
    url: str
    pattern: str
    initial: Reply
    polls: tuple[Step, ...]
    verdicts: frozenset[str]
    code: str | None
    foreign: tuple[str, ...]


def load(folder: Path) -> list[Session]:
    """Return the sessions of a folder.

    Raises:
        ValueError: it holds none.
    """
    sessions = [_session(json.loads(line)) for line in _lines(folder)]
    if not sessions:
        raise ValueError(f"{folder} holds no recorded session")
    return sessions


def _lines(folder: Path) -> Iterator[str]:
    for file in sorted(folder.glob("sessions-*.jsonl")):
        yield from filter(str.strip, file.read_text(encoding="utf-8").splitlines())


def _session(data: dict[str, Any]) -> Session:
    return Session(
        id=data["id"],
        method=data["method"],
        url=data["url"],
        pattern=data["pattern"],
        initial=_reply(data["initial"]),
        polls=tuple(Step(poll["u"], _reply(poll)) for poll in data["polls"] for _ in range(poll.get("n", 1))),
        verdicts=frozenset(data["expect"]["verdict"].split("|")),
        code=data["expect"].get("code"),
        foreign=tuple(data.get("foreign") or ()),
    )


def _reply(data: dict[str, Any]) -> Reply:
    headers = {name.lower(): value for name, value in data.get("h", {}).items()}
    return Reply(data["s"], headers, data.get("b", ""))
