"""The origins that a token is sent to: those of the cloud's Resource Manager, and those that the caller lists."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

from azpoll.protocol.url_policy import lists, origin_of
from azpoll.tracking.origins import checked_trusted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from azpoll.clouds import Cloud
    from azpoll.protocol.url_policy import ParsedURL

ORIGINS_KEPT = 256
"""The greatest number of origins whose check is cached."""


def is_surely_loopback(host: str) -> bool:
    """Whether a host is this machine for every resolver. Some ask the network for names below `localhost`."""
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class TokenTrust:
    """Decides which requests get a token.

    Args:
        cloud: its Resource Manager and the regional hosts beneath it are trusted.
        origins: that are trusted too: "https://host:port", or "https://*.suffix" for every host one label below.
        parse: the URL class that reads `origins`.

    Raises:
        TypeError: the origins are one string.
        ValueError: one of them is no origin, is a wildcard over strangers, or is plain http outside of loopback.
    """

    def __init__(self, cloud: Cloud, origins: Iterable[str], parse: Callable[[str], ParsedURL]) -> None:
        own = (cloud.base_url, cloud.base_url.replace("://", "://*."))
        listed = checked_trusted("origins", origins, parse)
        for origin in listed:
            if origin.scheme != "https" and not is_surely_loopback(origin.host):
                raise ValueError(f"origins: {origin.shown()} is plain http, which would show the token to the network")
        self._trusted = listed | checked_trusted("cloud", own, parse)
        self.parse = parse
        self._known: dict[tuple[str, bytes, int | None], bool] = {}

    def is_trusted(self, url: ParsedURL) -> bool:
        """Whether a request to this URL gets a token."""
        key = (url.scheme, url.raw_host, url.port)
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= ORIGINS_KEPT:
                self._known.clear()
            known = self._known[key] = url.scheme in {"http", "https"} and lists(self._trusted, origin_of(url))
        return known
