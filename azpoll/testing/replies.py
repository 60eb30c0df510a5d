"""Replies worth having by name: a status monitor, an HTML page, a redirect, a decompression bomb."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from azpoll.testing.steps import Reply

if TYPE_CHECKING:
    from collections.abc import Mapping

    from azpoll.testing.retry_after import RetryAfter

_MEBIBYTE = bytes(1 << 20)


def status_monitor(
    status: object,
    *,
    percent_complete: float | None = None,
    error: Mapping[str, object] | None = None,
    retry_after: float | RetryAfter | None = None,
) -> Reply:
    """Return a 200 with a status monitor document; `status` may be any word, or no word at all."""
    document: dict[str, object] = {"status": status}
    if percent_complete is not None:
        document["percentComplete"] = percent_complete
    if error is not None:
        document["error"] = dict(error)
    return Reply(200, document, retry_after=retry_after)


def html_page(status: int = 200, text: str = "Service unavailable") -> Reply:
    """Return a page as gateways and sign-in redirects send where JSON was promised."""
    page = f"<!DOCTYPE html><html><body><h1>{text}</h1></body></html>"
    return Reply(status, page, {"Content-Type": "text/html; charset=utf-8"}, terminal=False)


def redirect(to: str, status: int = 302) -> Reply:
    """Return a redirect; `to` may be relative, on a foreign host, or `{poll_url}&hop=1` (see `Reply`)."""
    return Reply(status, headers={"Location": to}, terminal=False)


def gzip_bomb(decoded_mebibytes: int = 100) -> Reply:
    """Return a gzip-coded body of zeros, about a thousandth of its decoded size."""
    squeeze = zlib.compressobj(level=9, wbits=zlib.MAX_WBITS | 16)
    chunks = [squeeze.compress(_MEBIBYTE) for _ in range(decoded_mebibytes)]
    chunks.append(squeeze.flush())
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    return Reply(200, b"".join(chunks), headers, terminal=False)
