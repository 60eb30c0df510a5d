"""Generate `transitions.md` from the tables in `azpoll.protocol.machine`: `python docs/make_transitions.py`."""
# ruff: noqa: INP001 - a script, not a package

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from azpoll.protocol.machine import CONFIRMING, FETCHING, POLLING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from azpoll.protocol.reading import StatusClass

PAGE = Path(__file__).with_name("transitions.md")

HEAD = """\
# The states of an operation

`docs/make_transitions.py` generates this page from the tables in `azpoll/protocol/machine.py`, which azpoll runs.
Change the tables, not this page.

- `Polling`: the operation runs, as far as azpoll knows. The next request reads its status.
- `Confirming`: one GET of the resource of a DELETE shows whether it still exists. Either the status is missing, or
  status and resource are polled in turns (rule 6).
- `Fetching`: the operation succeeded. The next request reads its result.
- `Succeeded`, `Failed`, `Canceled`: the outcome that the service reported.
- `Unknown`: azpoll can no longer read the status. It may still run, and a resume token can track it again.

The HTTP status code alone selects the row of an answer. If the caller named a `status_member`, an answer in which it
has a status is read as a 2xx (rule 48). A request that fails without an answer has the next states of
a 5xx. A failed poll leads from `Polling` to `Confirming`, or back, only where the two are polled in turns (rule 6). The
deadline of an operation leads from `Polling`, `Confirming` and `Fetching` to `Unknown`.

`docs/make_diagrams.py` draws the picture from the same tables. The table below it has the answers of each arrow.
"""

PICTURE = "![An initial answer leads to each state but Confirming; the table names all other arrows](transitions.svg)"


class AnyRow(Protocol):
    """The members of a row that the page shows, common to all tables."""

    @property
    def then(self) -> Callable[..., object]:
        """The function that returns the next state."""
        ...

    @property
    def to(self) -> tuple[type, ...]:
        """The states that can follow."""
        ...

    @property
    def rules(self) -> str:
        """The numbers of the rules that the function implements."""
        ...


TABLES: Mapping[str, Mapping[StatusClass, AnyRow]] = {
    "Polling": POLLING,
    "Confirming": CONFIRMING,
    "Fetching": FETCHING,
}


def page() -> str:
    """Return the text of the page."""
    return "\n".join((HEAD, PICTURE, "", *_table())) + "\n"


def _table() -> Iterator[str]:
    yield "| state | HTTP status of the answer | function | next states | rules |"
    yield "|---|---|---|---|---|"
    for state, table in TABLES.items():
        for status_class, row in table.items():
            function = f"{row.then.__module__.rpartition('.')[2]}.{row.then.__name__}"
            followers = ", ".join(f"`{follower.__name__}`" for follower in row.to)
            yield f"| `{state}` | {status_class.value} | `{function}` | {followers} | {row.rules} |"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
