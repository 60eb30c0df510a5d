"""A journal of resume tokens and ends, one per line; its last line may be torn."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Line:
    """One line about an operation: its resume token, or its end."""

    label: str
    token: str | None
    ended: str | None


@dataclass
class Contents:
    """The contents of a journal."""

    lines: list[Line] = field(default_factory=list[Line])
    torn: bool = False

    @property
    def unended(self) -> dict[str, str]:
        """The latest token by label, of the operations that have not ended."""
        ended = {line.label for line in self.lines if line.ended is not None}
        return {line.label: line.token for line in self.lines if line.token is not None and line.label not in ended}


def read(path: Path) -> Contents:
    """Return the contents of a journal up to its last complete line."""
    *whole, rest = path.read_bytes().split(b"\n")
    return Contents([Line(**json.loads(line)) for line in whole], torn=bool(rest))


class Journal:
    """A journal open for writing; opening truncates a torn last line."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        content = path.read_bytes()
        os.truncate(self._file, content.rfind(b"\n") + 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_raised: object) -> None:
        os.close(self._file)

    def write(self, label: str, *, token: str | None = None, ended: str | None = None) -> None:
        """Append a line; it survives the process once this returns."""
        line = json.dumps({"label": label, "token": token, "ended": ended})
        os.write(self._file, f"{line}\n".encode())
