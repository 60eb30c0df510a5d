"""`Script`: every answer to one operation in order, and how the operation ends."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote, urljoin, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

POLLING_HEADERS = ("azure-asyncoperation", "operation-location", "location")
VARIABLE = re.compile(r"api-version=|[tcsh]=")
"""Query parameters that differ between two URLs of one document: its version, and the parts of a signature."""


class Reply(NamedTuple):
    """One answer. Header names are lower-case."""

    status: int
    headers: Mapping[str, str] = {}
    body: str = ""

    def header(self, name: str) -> str | None:
        """Return the value of a header that is present and not blank."""
        return self.headers.get(name, "").strip() or None

    def document(self) -> object:
        """Return the value of a JSON body; the text itself of any other body."""
        try:
            return json.loads(self.body)
        except ValueError:
            return self.body


class Step(NamedTuple):
    """A GET that is expected, and the answer to it."""

    url: str
    reply: Reply


class Script(NamedTuple):
    """One operation from its initial request to its end.

    `end` is "succeeded", "failed", "canceled", "running" or the name of the exception that says why the status is
    unknown. "running" means that the last answer is repeated. `result` is the index of the answer that is the result:
    0 is the initial response, 1 the first step. A DELETE that a 404 confirmed has none. `final_get` is the index of the
    final GET. `foreign` lists the other origins that the script asks, which a caller has to allow.
    """

    name: str
    method: str
    url: str
    initial: Reply
    steps: tuple[Step, ...]
    end: str
    result: int | None = None
    final_get: int | None = None
    foreign: tuple[str, ...] = ()
    code: str | None = None

    @property
    def replies(self) -> list[Reply]:
        """The initial response and the answer of each step."""
        return [self.initial, *(step.reply for step in self.steps)]


def place_of(url: str, base: str = "") -> str:
    """Return the document that a URL names. Recordings differ in hosts, letter case, signatures and doubled slashes."""
    parts = urlsplit(urljoin(base, url.strip()))
    query = sorted(each for each in unquote(parts.query).lower().split("&") if not VARIABLE.match(each))
    return "?".join([re.sub("/+", "/", unquote(parts.path)).lower().rstrip("/"), *query]).rstrip("?")


def origin_of(url: str) -> str:
    """Return scheme and host of an absolute URL, in lower case and without the default port."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.lower().removesuffix(':443')}"
