"""Origins (scheme, host and port) of URLs and of the options that list hosts. Plain http is for loopback only."""

from __future__ import annotations

import socket
from ipaddress import IPv6Address, ip_address

import httpx

from azpoll.cli.exit_codes import UsageError
from azpoll.identity.trust import is_surely_loopback

_OPTIONS = {
    "allowed_origins": "--allow-host",
    "anonymous_origins": "--anonymous-host",
    "rebase_to": "--rebase-to",
    "Give the client a valid credential": "Sign in with --auth",
}


def origin_of(url: str) -> str:
    """Return the origin of a URL from the user, normalized: lower case, IDNA, without the scheme's default port.

    Raises:
        UsageError: it is not an https URL with a host and without user information. http is accepted on loopback.
    """
    parsed = _parse(url)
    if parsed is None or parsed.scheme not in {"http", "https"}:
        raise UsageError("not an http or https URL")
    host = parsed.raw_host.decode("ascii").lower()
    if not host:
        raise UsageError("the URL has no host")
    if parsed.userinfo or "@" in url.partition("://")[2].partition("/")[0]:
        raise UsageError("the URL contains user information; credentials are read from the environment only (--auth)")
    if parsed.scheme == "http" and not is_surely_loopback(host):
        raise UsageError(f"plain http is allowed on loopback only, not for {host}: a bearer token would be readable")
    return f"{parsed.scheme}://{parsed.netloc.decode('ascii').lower()}"


def listed_origins(option: str, hosts: list[str]) -> frozenset[str]:
    """Return the origins of an option: `host`, `host:port`, a whole origin such as `https://host`, or `*.suffix`.

    Raises:
        UsageError: a value is none of these.
    """
    return frozenset(origin for host in hosts for origin in _origins_of_host(option, host))


def is_listed(origin: str, origins: frozenset[str]) -> bool:
    """Whether origins name an origin, or a wildcard for its first label."""
    scheme, _, host = origin.partition("://")
    return origin in origins or f"{scheme}://*.{host.partition('.')[2]}" in origins


def is_loopback(host: str) -> bool:
    """Whether a host is this machine in any spelling: `localhost`, a name below it, 127.0.0.0/8 or ::1."""
    name = host.lower().strip("[]").removesuffix(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        address = ip_address(name)
    except ValueError:
        return _is_short_loopback(name)
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return address.is_loopback or (mapped is not None and mapped.is_loopback)


def in_options(text: str) -> str:
    """Return a text of azpoll with options of the command in place of the keywords of `Tracker`."""
    for keyword, option in _OPTIONS.items():
        text = text.replace(f"in {keyword}", f"with {option}").replace(f"{keyword}=", f"{option} ")
        text = text.replace(keyword, option)
    return text


def _origins_of_host(option: str, host: str) -> list[str]:
    """Return the https origin of a host, and for loopback the http origin too."""
    if "://" in host:
        urls = [host.rstrip("/")]
    else:
        urls = [f"https://{host}"]
        parsed = _parse(urls[0])
        if parsed is not None and is_surely_loopback(parsed.host):
            urls.append(f"http://{host}")
    authority = urls[0].partition("://")[2].removesuffix("/")
    message = f"{option} takes a host, host:port, https://host[:port] or *.suffix"
    if any(mark in authority for mark in "/?#@\\"):
        raise UsageError(message)
    try:
        return [origin_of(url) for url in urls]
    except UsageError as error:
        raise UsageError(message) from error


def _parse(url: str) -> httpx.URL | None:
    try:
        return httpx.URL(url)
    except (httpx.InvalidURL, ValueError):
        return None


def _is_short_loopback(name: str) -> bool:
    """Whether a name is 127.0.0.0/8 in a spelling that resolvers accept, such as `127.1` or `2130706433`."""
    try:
        return name.isascii() and " " not in name and socket.inet_aton(name)[0] == ip_address("127.0.0.1").packed[0]
    except OSError:
        return False
