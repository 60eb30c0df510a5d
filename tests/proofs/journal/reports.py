"""The ends that a process has reported, one per line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

METHODS: tuple[Literal["PUT", "POST", "DELETE"], ...] = ("PUT", "POST", "DELETE", "PUT")
"""The methods of the operations, by their number."""


class Report(NamedTuple):
    """An end, as an `OperationEnded` event has it."""

    label: str
    operation_id: str
    state: str

    def line(self) -> bytes:
        """Return the report as a line."""
        return f"{self.label} {self.operation_id} {self.state}\n".encode()


def read(path: Path) -> list[Report]:
    """Return the whole lines of a file."""
    if not path.exists():
        return []
    whole = path.read_text().split("\n")[:-1]
    return [Report(*line.split(" ")) for line in whole]
