"""The HTTP client of the commands. It uses the proxies of the environment, but never one for loopback."""

from __future__ import annotations

import os
import ssl
from typing import TYPE_CHECKING

import httpx

from azpoll.cli.exit_codes import EnvironmentVariableError
from azpoll.cli.origins import is_loopback

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_LOOPBACK = ("localhost", "*.localhost", "localhost.", "127.0.0.1", "[::1]")
_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE")
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


def create_client(headers: Mapping[str, str], urls: Iterable[str], auth: httpx.Auth | None = None) -> httpx.AsyncClient:
    """Return a client. It sends requests to loopback directly, so that no proxy sees their credential.

    Args:
        headers: of every request.
        urls: origins or URLs that name every host of a request.
        auth: of every request; None for none.

    Raises:
        EnvironmentVariableError: the environment names certificates or a proxy that cannot be used.
    """
    try:
        context = httpx.create_ssl_context()
    except (OSError, ValueError) as error:
        raise EnvironmentVariableError(_text_of(_CERTIFICATES, "certificates", error)) from error
    hosts = {*_LOOPBACK, *(httpx.URL(url).netloc.decode("ascii") for url in urls if is_loopback(httpx.URL(url).host))}
    direct = dict.fromkeys(f"all://{host}" for host in hosts)
    try:
        return httpx.AsyncClient(headers=headers, auth=auth, verify=context, mounts=direct)
    except (OSError, ValueError, ImportError, httpx.InvalidURL) as error:
        raise EnvironmentVariableError(_text_of(_PROXIES, "a proxy", None)) from error


def _text_of(names: Iterable[str], what: str, error: Exception | None) -> str:
    """Return a message that names the variables that are set. It repeats no value: a proxy's may hold a password."""
    given = [name for name in names if name in os.environ or name.lower() in os.environ]
    reason = ""
    if isinstance(error, ssl.SSLError):
        reason = ": it holds no certificate that can be read"
    elif isinstance(error, OSError) and error.strerror:
        reason = f": {error.strerror}"
    variables = " or ".join(given) or "the environment"
    return f"{variables} names {what} that cannot be used{reason}"
