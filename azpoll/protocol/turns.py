"""The turns of a deletion that is followed at its status and at its resource (rule 6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpoll.protocol.patterns import ENDS_WHEN_GONE
from azpoll.protocol.states import Confirming, NextRequest, Polling

if TYPE_CHECKING:
    from azpoll.protocol.states import State


def in_turns(before: Polling | Confirming, following: State) -> State:
    """Return the state after a poll, with the turn of the other URL if the poll failed.

    A status that cannot be read would otherwise hide that the resource is gone, and a resource that cannot be read a
    failure. The failures of both count together until the status is read again.
    """
    if not before.plan.deletes_until_gone:
        return following
    if isinstance(before, Polling):
        if isinstance(following, Confirming):  # the status is missing, or the operation runs
            return following._replace(failure_counts=following.polling.failure_counts)
        if isinstance(following, Polling) and following.pattern not in ENDS_WHEN_GONE and _failed(before, following):
            request = NextRequest(before.plan.resource_url, following.next_request.delay)
            return Confirming(following, request, following.failure_counts)
    elif isinstance(following, Confirming) and not following.next_request.redirects:
        polling, counts = following.polling, following.failure_counts
        request = NextRequest(polling.kept_url, following.next_request.delay)
        return polling._replace(next_request=request, failure_counts=counts)
    return following


def _failed(before: Polling, following: Polling) -> bool:
    return following.failure_counts.in_a_row > before.failure_counts.in_a_row
