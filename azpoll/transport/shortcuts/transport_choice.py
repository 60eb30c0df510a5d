"""Find the transport that the client chooses for a URL, and the number of connections in its pool.

`client.send` also extracts cookies, writes a log line and prepares for redirects. azpoll does without it where no
difference can be observed. The client has no event hooks, and neither a subclass nor an instrument replaces a step of
sending. azpoll sends no more concurrent requests than the pool has connections. A request beyond that would wait in the
pool while its time limit runs, and httpcore searches its whole queue for each request.

Gain: without the transport a poll takes about 80 us more over httpx (+19 %), and 180 us more over `azpoll.fast`
(+170 %), which can then not be called directly. Over httpx2 the difference is about 20 us. Without the size of the pool
a poll over httpx takes 60 % more CPU time where the pool has 4 connections and responses take 0.05 s.
"""

from __future__ import annotations

from types import FunctionType, MethodType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

STEPS = ("send", "_send_handling_auth", "_send_handling_redirects", "_send_single_request", "_transport_for_url")
"""The methods by which a client sends a request, from the outermost to the choice of a transport."""


def transport_choice(client: object, library_name: str) -> Callable[[object], Any] | None:
    """Return the client's function from a URL to a transport; None if a step of sending is not the library's own."""
    if not all(_is_own(getattr(client, step, None), library_name) for step in STEPS):
        return None
    choose: Callable[[object], Any] = getattr(client, STEPS[-1])
    return choose


def transport_of(client: object, url: object) -> Any:  # noqa: ANN401 - of the client's library
    """Return the transport that a client uses for a URL, whatever its other steps are; None if it names none.

    This is no shortcut: only so can a request pass by everything that may add a credential (rule 9).
    """
    choose = getattr(client, STEPS[-1], None)
    return choose(url) if callable(choose) else None


def pool_size(transport: object) -> int | None:
    """Return the greatest number of connections of a transport; None if it is unlimited or cannot be determined."""
    size: object = getattr(getattr(transport, "_pool", None), "_max_connections", None)
    return size if isinstance(size, int) and size > 0 else None


def _is_own(step: object, library_name: str) -> bool:
    """Whether a method is defined by the library, neither overridden nor wrapped."""
    if type(step) is MethodType:
        step = step.__func__
    if type(step) is not FunctionType:  # a wrapper may imitate one, so `isinstance` would not do
        return False
    module: object = step.__globals__.get("__name__")
    return isinstance(module, str) and module.partition(".")[0] == library_name
