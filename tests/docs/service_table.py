"""The table of docs/services.md: each row as the source of a program."""

from __future__ import annotations

import re
from typing import NamedTuple

from tests.support.repository import ROOT

_OPTION = re.compile(r"\b(?:pattern|status_member|terminal_words)=(?:\"[^\"]*\"|\{[^}]*\})")
_HEADER = "| service | `base_url` | tracker | call | why | source |"


class Row(NamedTuple):
    """A row. The cells of the code columns have no backticks."""

    service: str
    base_url: str
    tracker: str
    call: str
    why: str
    source: str

    @property
    def needs_response(self) -> bool:
        """Whether the program has sent the initial request by itself."""
        return "response" in self.call

    def options(self) -> list[str]:
        """Return the options of the tracker and of the call, as they are written."""
        return [self.tracker] * bool(self.tracker) + _OPTION.findall(self.call)

    def without(self, option: str) -> Row:
        """Return the row without an option."""
        if option == self.tracker:
            return self._replace(tracker="")
        return self._replace(call=self.call.replace(f", {option}", ""))

    def program(self, name: str = "program") -> str:
        """Return the source of a function that tracks the operation and returns its result."""
        options = f", {self.tracker}" if self.tracker else ""
        return (
            f"async def {name}(\n"
            "    client: httpx.AsyncClient, url: str, body: object, package: bytes, response: httpx.Response\n"
            ") -> httpx.Response:\n"
            f"    async with azpoll.Tracker(client{options}) as tracker:\n"
            f"        operation = {self.call}\n"
            "        return await operation\n"
        )


def service_rows() -> list[Row]:
    """Return the rows of the table in their order."""
    text = (ROOT / "docs/services.md").read_text(encoding="utf-8")
    lines = text.partition(_HEADER)[2].strip().splitlines()[1:]
    rows: list[Row] = []
    for line in lines:
        if not line.startswith("|"):
            break
        cells = [re.sub(r"^`(.*)`$", r"\1", cell.strip()) for cell in line.strip("|").split(" |")]
        rows.append(Row(*cells[:6]))
    return rows


def programs() -> str:
    """Return one module with a function for each row."""
    functions = [row.program(f"row_{number}") for number, row in enumerate(service_rows(), 1)]
    return "\n\n".join(["import azpoll\nimport httpx\n", *functions])
