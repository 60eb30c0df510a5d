"""URL objects of the client's library, made without its parser where that would change nothing.

Parsing is the dearest part of a request of httpx: 36 of some 130 us. Most polling URLs differ from one another in
path and query alone, and are written in characters that a parser leaves as they stand.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

ORIGINS_KEPT = 64

_SCHEME = len("https://")
_ORIGIN = r"https?://[A-Za-z0-9.\-]+(?::[0-9]{1,5})?"

# No parser changes these, but for dot segments and broken escapes.
_PLAIN = bytes(code for code in range(128) if chr(code).isalnum()) + b"-._~!$&()*+,;=:@/%"
_ONE_MARK = (b"", b"?")
_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-F]{2})")


def origin_in(text: str) -> str:
    """Return all that stands before the path of an absolute URL."""
    end = text.find("/", _SCHEME)
    return text if end < 0 else text[:end]


class _Origin:
    """An origin: all parts of its URLs but path and query.

    Attributes:
        text: as the parser writes it.
    """

    __slots__ = ("_after", "_before", "_kind", "_reference", "text")

    def __init__(self, url: Any) -> None:  # noqa: ANN401 - a URL of either library
        there = url._uri_reference  # noqa: SLF001 - `URLCache` tries it
        self._kind = url.__class__
        self.text = origin_in(str(url))
        self._before, self._after = tuple(there[:4]), tuple(there[6:])
        self._reference = partial(tuple[object].__new__, there.__class__)

    def moved(self, path: str, query: str | None) -> Any:  # noqa: ANN401 - as above
        """Return a URL of the same origin."""
        url: Any = object.__new__(self._kind)
        url._uri_reference = self._reference((*self._before, path, query, *self._after))  # noqa: SLF001 - as above
        return url


class URLCache:
    """Makes the URL objects of one library.

    Args:
        parse: the library's URL class.
    """

    def __init__(self, parse: Callable[[str], Any]) -> None:
        self._parse = parse
        self._homes: dict[str, _Origin | None] = {}

    def of(self, text: str) -> Any:  # noqa: ANN401 - a URL of either library
        """Return what `parse(text)` would return.

        Raises:
            Exception: whatever `parse` raises.
        """
        split = self._split(text)
        if split is None:
            return self._parse(text)
        home, rest = split
        path, mark, query = rest.partition("?")
        return home.moved(path, query if mark else None)

    def text_of(self, text: str) -> str:
        """Return what `str(parse(text))` would return.

        Raises:
            Exception: whatever `parse` raises.
        """
        split = self._split(text)
        return str(self._parse(text)) if split is None else split[0].text + split[1]

    def _split(self, text: str) -> tuple[_Origin, str] | None:
        """Return home and rest of a URL that the parser would leave as it stands; None for any other."""
        if not text.isascii() or text.encode().translate(None, _PLAIN) not in _ONE_MARK or "/." in text:
            return None
        if "%" in text and _BROKEN_ESCAPE.search(text):
            return None
        origin = origin_in(text)
        home = self._homes[origin] if origin in self._homes else self._keep(origin)
        return None if home is None else (home, text[len(origin) :])

    def _keep(self, origin: str) -> _Origin | None:
        """Keep a home; None when the library does not keep its URLs as is expected here."""
        if not re.fullmatch(_ORIGIN, origin):
            return None
        url, sample = self._parse(f"{origin}/"), f"{origin}/a%2Fb/c?d=e/f&g=%20"
        try:
            home = _Origin(url)
            same = home.moved("/a%2Fb/c", "d=e/f&g=%20") == self._parse(sample)
        except (AttributeError, TypeError, ValueError):
            return None
        if len(self._homes) >= ORIGINS_KEPT:
            self._homes.clear()
        return self._homes.setdefault(origin, home if same else None)
