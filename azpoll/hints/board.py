"""The interfaces between a tracker and a source of hints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from azpoll.protocol.answer import Answer

ITEMS_AT_ONCE = 1000
"""Items of a page after which other tasks run."""


class HintBoard(Protocol):
    """The interface that a tracker gives to a source of hints."""

    async def read(self, url: str) -> Answer:
        """Read a URL with the tracker's client. The read budget counts the read, and it is retried like a poll.

        A read waits for the `Retry-After` of the answer to the read before it, an hour at most.

        Raises:
            PollingError: the URL could not be read. `UntrustedPollingURL`: it has another origin than the first URL
                that was read or queried, and is not listed either.
            ValueError: the first URL is not one of http or https.
        """
        ...

    async def query(self, url: str, body: Mapping[str, object]) -> Answer | None:
        """Send a POST with a JSON body that only reads, such as a query of Azure Resource Graph.

        The tracker's client sends it immediately. No budget counts it and it is not repeated, so the source keeps the
        limits of the service. Redirects are not followed.

        Returns:
            The answer, whatever its HTTP status; None if no complete answer came.

        Raises:
            UntrustedPollingURL: the URL has another origin than the first URL that was read or queried.
            ValueError: the first URL is not one of http or https, or the body is no JSON.
        """
        ...

    def resources(self) -> Sequence[str]:
        """Return the resources whose operations are tracked here: ARM ids in lower case."""
        ...

    def report_ended(self, resource_id: str) -> int:
        """Report that the operations on a resource may have ended; returns the number that are tracked here."""
        ...

    def report_running(self, resource_id: str) -> int:
        """Report that the operations on a resource still run: they are polled with spare reads only."""
        ...


class HintSource(Protocol):
    """A cheap source of information about operations, for `Tracker.add_hints`."""

    async def run(self, board: HintBoard) -> None:
        """Report to the board until cancelled. An error ends the hints, and is logged."""
        ...
