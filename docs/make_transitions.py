"""Writes `transitions.md` from the tables in `azpoll.protocol.machine`: `python docs/make_transitions.py`."""
# ruff: noqa: INP001 - a script, not a package

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from azpoll.protocol.machine import CONFIRMING, FETCHING, POLLING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from azpoll.protocol.status_class import StatusClass

PAGE = Path(__file__).with_name("transitions.md")

HEAD = """\
# The states of an operation

Written by `docs/make_transitions.py` from the tables in `azpoll/protocol/machine.py`, which are the code that runs.
Do not edit.

- `Polling`: it runs, as far as is known; the next request asks for its status.
- `Confirming`: the status of a DELETE is gone; one GET of the resource tells whether the resource is.
- `Fetching`: it succeeded; the next request asks for its result.
- `Succeeded`, `Failed`, `Canceled`: the service said so.
- `Unknown`: its status cannot be read any more; it may still run, and a resume token takes it up again.

An answer is first sorted by its HTTP status code alone. A request that brought no answer leads where a 5xx does.
From any state that still asks, the deadline leads to `Unknown`.
"""

FROM_THE_START = ("Polling", "Fetching", "Succeeded", "Failed", "Canceled", "Unknown")
TERMINAL = ("Succeeded", "Failed", "Canceled", "Unknown")


class AnyRow(Protocol):
    """What is read of a row of any of the tables."""

    @property
    def then(self) -> Callable[..., object]:
        """The function that makes the next state."""
        ...

    @property
    def to(self) -> tuple[type, ...]:
        """The states that can follow."""
        ...

    @property
    def rules(self) -> str:
        """The rules it follows."""
        ...


TABLES: Mapping[str, Mapping[StatusClass, AnyRow]] = {
    "Polling": POLLING,
    "Confirming": CONFIRMING,
    "Fetching": FETCHING,
}


def page() -> str:
    """Return the whole page."""
    return "\n".join((HEAD, "```mermaid", *_diagram(), "```", "", *_table())) + "\n"


def _diagram() -> Iterator[str]:
    yield "stateDiagram-v2"
    for state in FROM_THE_START:
        yield f"    [*] --> {state}"
    for state, table in TABLES.items():
        followers = dict.fromkeys(follower for row in table.values() for follower in row.to)
        for follower in followers:
            kinds = (kind.value for kind, row in table.items() if follower in row.to)
            yield f"    {state} --> {follower.__name__}: {'; '.join(kinds)}"
    for state in TERMINAL:
        yield f"    {state} --> [*]"


def _table() -> Iterator[str]:
    yield "| state | what came | function | next states | rules |"
    yield "|---|---|---|---|---|"
    for state, table in TABLES.items():
        for kind, row in table.items():
            function = f"{row.then.__module__.rpartition('.')[2]}.{row.then.__name__}"
            followers = ", ".join(f"`{follower.__name__}`" for follower in row.to)
            yield f"| `{state}` | {kind.value} | `{function}` | {followers} | {row.rules} |"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
