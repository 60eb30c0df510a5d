"""Short texts for the network failures that people meet: "connection refused", "certificate expired" (rule 55).

They come from the number of the system's error or of the rejected certificate, never from a text, which could quote a
URL.
"""

from __future__ import annotations

import errno
import socket
import ssl
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SYSTEM_TEXTS: Mapping[int, str] = {
    errno.ECONNREFUSED: "connection refused",
    **dict.fromkeys((errno.ECONNRESET, errno.ECONNABORTED, errno.EPIPE), "connection reset"),
    **dict.fromkeys((errno.ENETUNREACH, errno.ENETDOWN, errno.EHOSTUNREACH), "network unreachable"),
    errno.ETIMEDOUT: "timed out",
}

EXPIRED, NOT_YET_VALID, SELF_SIGNED, SELF_SIGNED_CHAIN, UNKNOWN_ISSUER, OTHER_HOST = 10, 9, 18, 19, 20, 62
"""The numbers that OpenSSL has for the reasons why a certificate is rejected (`X509_V_ERR_...`)."""

_CERTIFICATE_TEXTS: Mapping[int, str] = {
    NOT_YET_VALID: "certificate not yet valid",
    EXPIRED: "certificate expired",
    **dict.fromkeys((SELF_SIGNED, SELF_SIGNED_CHAIN), "certificate not trusted (self-signed)"),
    **dict.fromkeys((2, UNKNOWN_ISSUER, 21), "certificate not trusted (unknown issuer)"),
    **dict.fromkeys((OTHER_HOST, 63, 64), "certificate is for another host"),
}


def network_text(error: BaseException) -> str | None:
    """Return a short text for a network failure; None if the chain of exceptions does not tell its reason."""
    system = system_error_in(error)
    if isinstance(system, ssl.SSLCertVerificationError):
        return _CERTIFICATE_TEXTS.get(getattr(system, "verify_code", 0), "certificate not accepted")
    if isinstance(system, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
        return _SYSTEM_TEXTS[errno.ECONNRESET]
    if isinstance(system, ssl.SSLError):
        return "TLS failed"
    if isinstance(system, socket.gaierror):
        return "name not found"
    if isinstance(system, ConnectionRefusedError):
        return _SYSTEM_TEXTS[errno.ECONNREFUSED]
    if isinstance(system, ConnectionError):
        return _SYSTEM_TEXTS[errno.ECONNRESET]
    return None if system is None or system.errno is None else _SYSTEM_TEXTS.get(system.errno)


def system_error_in(error: BaseException) -> OSError | None:
    """Return the operating system's error beneath an exception: one that tells the reason, else the first."""
    found = [each for each in chain_of(error) if isinstance(each, OSError)]
    telling = (each for each in found if each.errno is not None or isinstance(each, ConnectionError))
    return next(telling, next(iter(found), None))


def chain_of(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an exception and its causes, with the first exception of each group."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        members: tuple[BaseException, ...] = getattr(error, "exceptions", ())  # of an exception group
        error = members[0] if members else error.__cause__ or error.__context__
