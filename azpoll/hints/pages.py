"""The pages of a list, bounded: a service may name a page twice, or always one more."""

from __future__ import annotations

MAX_PAGES = 100
"""Pages of one list that are read. ARM's longest list of a deployment, with 800 resources, has fewer."""


class Pages:
    """The pages of one list that were named so far.

    Args:
        what: the list, for the text of the error.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._named: set[str] = set()

    def add(self, name: str) -> None:
        """Add a page by its URL or token.

        Raises:
            ValueError: it was added before, or is one too many.
        """
        if name in self._named:
            raise ValueError(f"{self._what} names a page that was read before")
        if len(self._named) == MAX_PAGES:
            raise ValueError(f"{self._what} has more than {MAX_PAGES} pages")
        self._named.add(name)
