"""The errors of pyreqwest as errors of httpx, for `azpoll.fast`."""

from __future__ import annotations

import os
import re
import socket
import ssl

import httpx
from pyreqwest import exceptions

from azpoll.transport.network_error import EXPIRED, NOT_YET_VALID, OTHER_HOST, UNKNOWN_ISSUER

_ERRORS: tuple[tuple[type[exceptions.PyreqwestError], type[httpx.RequestError]], ...] = (
    (exceptions.ConnectTimeoutError, httpx.ConnectTimeout),
    (exceptions.ReadTimeoutError, httpx.ReadTimeout),
    (exceptions.WriteTimeoutError, httpx.WriteTimeout),
    (exceptions.PoolTimeoutError, httpx.PoolTimeout),
    (exceptions.RequestTimeoutError, httpx.ReadTimeout),
    (exceptions.ConnectError, httpx.ConnectError),
    (exceptions.ReadError, httpx.ReadError),
    (exceptions.WriteError, httpx.WriteError),
    (exceptions.NetworkError, httpx.NetworkError),
    (exceptions.BuilderError, httpx.LocalProtocolError),
    (exceptions.PyreqwestError, httpx.RemoteProtocolError),
)
"""The equivalent in httpx of each error of pyreqwest. The first matching row applies."""

_REJECTED = "invalid peer certificate: "

_CERTIFICATE_ERRORS = (
    (f"{_REJECTED}certificate expired", EXPIRED),
    (f"{_REJECTED}certificate not valid for name", OTHER_HOST),
    (f"{_REJECTED}certificate not valid yet", NOT_YET_VALID),
    (f"{_REJECTED}UnknownIssuer", UNKNOWN_ISSUER),
    (_REJECTED, 1),
)
"""How the text of a rejected certificate begins, and the number that OpenSSL has for it. The first match applies."""


def to_httpx(error: exceptions.PyreqwestError, request: httpx.Request | None) -> httpx.RequestError:
    """Convert an error of pyreqwest into one of httpx, with the last of its causes."""
    kind = next(to_kind for from_kind, to_kind in _ERRORS if isinstance(error, from_kind))
    causes = (error.details["causes"] or []) if isinstance(error, exceptions.DetailedPyreqwestError) else []
    return kind(": ".join([error.message, *(cause["message"] for cause in causes[-1:])]), request=request)


def system_error_of(error: exceptions.PyreqwestError) -> OSError | None:
    """Return the error of the system or of a certificate that a text of pyreqwest names; None if it names none."""
    causes = (error.details["causes"] or []) if isinstance(error, exceptions.DetailedPyreqwestError) else []
    text = causes[-1]["message"] if causes else ""
    if found := re.search(r"\(os error (\d{1,5})\)$", text):
        return OSError(int(found[1]), os.strerror(int(found[1])))
    if text.startswith("failed to lookup address information"):
        return socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    number = next((number for start, number in _CERTIFICATE_ERRORS if text.startswith(start)), None)
    if number is None:
        return None
    rejected = ssl.SSLCertVerificationError(1, "certificate verify failed")
    rejected.verify_code = number
    return rejected
