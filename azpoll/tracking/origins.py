"""The origins that the caller trusts, checked before anything is sent (rules 9, 10, 42)."""

# Without `from __future__ import annotations`: a NamedTuple would compile each annotation when it is imported.

from collections.abc import Callable, Iterable
from typing import NamedTuple

from azpoll.protocol.url_policy import Origin, ParsedURL, origin_of


class Origins(NamedTuple):
    """The origins that requests may go to besides that of the initial request.

    Attributes:
        allowed: polls may go there (rule 9).
        resumable: resume tokens may name them as the origin of the initial request (rule 42).
        rebase_to: origin, with an optional path, that URLs of other origins are moved to; None for none (rule 10).
    """

    allowed: frozenset[Origin]
    resumable: frozenset[Origin]
    rebase_to: str | None


def checked_origins(
    allowed_origins: Iterable[str], rebase_to: str | None, base_url: str, parse: Callable[[str], ParsedURL]
) -> Origins:
    """Return the origins that the caller trusts.

    Args:
        allowed_origins: URLs such as `https://host` or `https://host:8443`.
        rebase_to: an origin with an optional path.
        base_url: the client's; empty when it has none.
        parse: the URL class of the client's library.
    """
    if isinstance(allowed_origins, str):
        raise TypeError("allowed_origins must be a collection of URLs, not one string")
    allowed = frozenset(checked_origin("allowed_origins", url, parse) for url in allowed_origins)
    if rebase_to is not None:
        allowed |= {checked_origin("rebase_to", rebase_to, parse, path=True)}
    at_home = {checked_origin("the client's base_url", base_url, parse, path=True)} if base_url else set[Origin]()
    return Origins(allowed, allowed | at_home, rebase_to)


def checked_origin(name: str, url: str, parse: Callable[[str], ParsedURL], *, path: bool = False) -> Origin:
    """Return the origin of one URL."""
    try:
        parsed = parse(url)
        origin = origin_of(parsed)
    except Exception as error:
        raise ValueError(f"{name}: not an http or https URL") from error
    rest = url.partition("://")[2].partition("/")[2]
    if not origin.host or parsed.userinfo or any(mark in url for mark in "?#@\\") or (rest and not path):
        raise ValueError(f"{name}: {origin} is to be given as scheme, host and port alone")
    return origin
