"""URL objects of the client's library, made without its parser where that would change nothing.

Parsing is the dearest part of a request of httpx: 36 of some 130 us. Most polling URLs differ from one another in
path and query alone, and are written in characters that a parser leaves as they stand.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

ORIGINS_KEPT = 64

_AS_IT_STANDS = re.compile(
    r"(https?://[A-Za-z0-9.\-]+(?::[0-9]{1,5})?)"
    r"(/[A-Za-z0-9\-._~!$&'()*+,;=:@/%]*)"
    r"(?:\?([A-Za-z0-9\-._~!$&()*+,;=:@/%]*))?"
)
"""Origin, path and query of a URL that no parser changes, but for dot segments and broken escapes."""

_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-F]{2})")


class URLs:
    """Makes the URL objects of one library.

    Args:
        parse: the library's URL class.
    """

    def __init__(self, parse: Callable[[str], Any]) -> None:
        self._parse = parse
        self._homes: dict[str, Any] = {}

    def of(self, text: str) -> Any:  # noqa: ANN401 - a URL of either library
        """Return what `parse(text)` would return.

        Raises:
            Exception: whatever `parse` raises.
        """
        match = _unchanged(text)
        if match is not None:
            origin = match[1]
            home = self._homes[origin] if origin in self._homes else self._keep(origin)
            if home is not None:
                return _moved(home, match[2], match[3])
        return self._parse(text)

    def text_of(self, text: str) -> str:
        """Return what `str(parse(text))` would return.

        Raises:
            Exception: whatever `parse` raises.
        """
        return text if _unchanged(text) is not None else str(self._parse(text))

    def _keep(self, origin: str) -> Any:  # noqa: ANN401 - as above
        """Keep a URL of an origin; None when the library does not keep its URLs as is expected here."""
        home, sample = self._parse(f"{origin}/"), f"{origin}/a%2Fb/c?d=e/f&g=%20"
        try:
            same = _moved(home, "/a%2Fb/c", "d=e/f&g=%20") == self._parse(sample)
        except (AttributeError, TypeError, ValueError):
            return None
        if len(self._homes) >= ORIGINS_KEPT:
            self._homes.clear()
        return self._homes.setdefault(origin, home) if same else None


def _unchanged(text: str) -> re.Match[str] | None:
    """Return the parts of a URL that a parser leaves as it is; None for any other."""
    match = _AS_IT_STANDS.fullmatch(text)
    return None if match is None or "/." in text or ("%" in text and _BROKEN_ESCAPE.search(text)) else match


def _moved(home: Any, path: str, query: str | None) -> Any:  # noqa: ANN401 - as above
    """Return a URL of the same origin."""
    url: Any = object.__new__(home.__class__)
    there = home._uri_reference  # noqa: SLF001 - `_keep` has tried it
    url._uri_reference = there.__class__(*there[:4], path, query, *there[6:])  # noqa: SLF001 - as above
    return url
