"""Which origins are trusted: those named on the command line, and plain http only on this machine."""

from __future__ import annotations

from ipaddress import ip_address

import httpx

from azpoll.cli.command import UsageError
from azpoll.options import checked_origin
from azpoll.protocol.url_policy import Origin, origin_of


def origin(url: str) -> Origin:
    """Return the origin of a URL that the user gave.

    Raises:
        UsageError: it is not an https URL with a host and without user information; http is welcome on loopback.
    """
    try:
        parsed = httpx.URL(url)
        found = origin_of(parsed)
    except (httpx.InvalidURL, ValueError) as error:
        raise UsageError("not an http or https URL") from error
    if not found.host:
        raise UsageError("a URL names no host")
    if parsed.userinfo or "@" in url.partition("://")[2].partition("/")[0]:
        raise UsageError("a URL carries user information: credentials come from the environment alone (--auth)")
    if found.scheme == "http" and not _is_loopback(found.host):
        raise UsageError(f"plain http is for loopback alone, not for {found.host}: a bearer token would be readable")
    return found


def allowed(hosts: list[str]) -> frozenset[Origin]:
    """Return the origins of `--allow-host` values: `host`, `host:port`, or a whole origin such as `https://host`.

    Raises:
        UsageError: one is none of these.
    """
    return frozenset(found for host in hosts for found in _named(host))


def _named(host: str) -> list[Origin]:
    if "://" in host:
        urls = [host.rstrip("/")]
    else:
        urls = [f"https://{host}"]
        if _is_loopback(httpx.URL(urls[0]).host if _parses(urls[0]) else ""):
            urls.append(f"http://{host}")
    try:
        for url in urls:
            origin(url)
        return [checked_origin("--allow-host", url, httpx.URL) for url in urls]
    except (ValueError, UsageError) as error:
        raise UsageError("--allow-host takes a host, host:port or https://host[:port]") from error


def _parses(url: str) -> bool:
    try:
        httpx.URL(url)
    except (httpx.InvalidURL, ValueError):
        return False
    return True


def _is_loopback(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
