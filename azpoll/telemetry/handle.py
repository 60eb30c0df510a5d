"""The handle of an instrumentation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable


class Instrumentation:
    """A tracker that reports to OpenTelemetry. `instrument` makes it; as a context manager it ends at the exit."""

    def __init__(self, end: Callable[[], object]) -> None:
        self._end: Callable[[], object] | None = end

    def uninstrument(self) -> None:
        """Report nothing more. The operations that run are no longer counted; a further call does nothing."""
        end, self._end = self._end, None
        if end is not None:
            end()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_raised: object) -> None:
        self.uninstrument()
