"""`Request`: an initial request that was not sent yet."""

# Without `from __future__ import annotations`: a NamedTuple would compile each annotation when it is imported.

from typing import NamedTuple, Self, Unpack

from azpoll.options import BeginOptions, Method
from azpoll.protocol.redaction import masked_label, masked_url


class _Fields(NamedTuple):
    method: Method
    url: str
    options: BeginOptions


class Request(_Fields):
    """An initial request for `Tracker.begin_all`: the arguments of `Tracker.begin`. It is checked when it is sent.

    Attributes:
        method: PUT, PATCH, POST, DELETE or GET.
        url: absolute, or relative to the client's base URL.
        options: the keywords, such as `json` and `label`.
    """

    __slots__ = ()

    def __new__(cls, method: Method, url: str, **options: Unpack[BeginOptions]) -> Self:
        """Take the arguments of `Tracker.begin`, without `decode`."""
        return super().__new__(cls, method, url, options)

    def __getnewargs_ex__(self) -> tuple[tuple[Method, str], dict[str, object]]:
        return (self.method, self.url), dict(self.options)

    @property
    def label(self) -> str | None:
        """The caller's own name for the operation; None for none."""
        return self.options.get("label")

    def __repr__(self) -> str:
        """Show method, URL without the values of its query, and label; never a body or a header."""
        label = "" if self.label is None else f" {masked_label(self.label)!r}"
        return f"<Request {self.method} {masked_url(str(self.url))}{label}>"
