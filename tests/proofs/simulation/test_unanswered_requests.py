"""Initial requests without an answer: no verdict that the service did not reach, whatever the resource shows."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from azpoll.protocol.answer import Answer, FailureKind, RequestFailure
from azpoll.protocol.machine import advance
from azpoll.protocol.not_accepted import resource_polling
from azpoll.protocol.resume_token import decode, encode, state_of, token_of
from azpoll.protocol.states import Confirming, Failed, Fetching, Pending, Polling, Succeeded, Unknown, UnknownReason
from azpoll.protocol.url_policy import RejectedURL
from azpoll.testing.retry_after import imf_date
from tests.support.protocol_rows import RESOURCE, plan
from tests.support.scale import scaled

if TYPE_CHECKING:
    from azpoll.protocol.states import State

NOON = datetime(2026, 11, 6, 12, tzinfo=UTC)
"""The time of the sending on the client's clock."""

MOST_POLLS = 200


@dataclass(frozen=True)
class Service:
    """A service that received an initial request at 0 s, or never.

    Attributes:
        executed_s: when it executed the request; None if it never did.
        takes_s: seconds from there to the end of the operation.
        existed: whether there was a resource before.
        old_s: when the old resource was last modified, 0 or less.
        dated: whether a resource has `systemData`, and an answer a `Date`.
        deleting: whether a resource says that it is being deleted.
        ahead_s: seconds by which the service's clock is ahead of the client's. A clock that is ahead by less than an
            answer takes cannot be told from an exact one.
    """

    method: str
    executed_s: float | None
    takes_s: float
    succeeds: bool
    existed: bool
    old_s: float
    dated: tuple[bool, bool]
    deleting: bool
    ahead_s: float

    def answer(self, at_s: float, latency_s: float) -> Answer:
        """Return the answer that is sent at a time and received after the latency."""
        headers = {"date": imf_date(self._clock(at_s))} if self.dated[1] else {}
        status_code, body = self._resource(at_s)
        received = at_s + latency_s
        return Answer(status_code, headers, body, RESOURCE, NOON + timedelta(seconds=received), received)

    def _clock(self, at_s: float) -> datetime:
        return NOON + timedelta(seconds=at_s + (self.ahead_s if self.dated[1] else 0.0))

    def _resource(self, at_s: float) -> tuple[int, bytes]:
        executed = self.executed_s is not None and at_s >= self.executed_s
        ended = executed and at_s >= (self.executed_s or 0.0) + self.takes_s
        if self.method == "DELETE":
            gone = not self.existed or (ended and self.succeeds)
            word = "Deleting" if executed and not ended and self.deleting else "Succeeded"
            return (404, b"") if gone else (200, self._document(word, self.old_s))
        if executed:
            word = ("Succeeded" if self.succeeds else "Failed") if ended else "Updating"
            return 200, self._document(word, self.executed_s or 0.0)
        old = self._document("Failed" if self.succeeds else "Succeeded", self.old_s)
        return (200, old) if self.existed else (404, b"")

    def _document(self, word: str, modified_s: float) -> bytes:
        document: dict[str, object] = {"name": "vm", "properties": {"provisioningState": word}}
        if self.dated[0]:
            document["systemData"] = {"lastModifiedAt": self._clock(modified_s).isoformat()}
        return json.dumps(document).encode()


SERVICES = st.builds(
    Service,
    method=st.sampled_from(["PUT", "PATCH", "DELETE"]),
    executed_s=st.none() | st.floats(0.01, 90),
    takes_s=st.floats(0, 900),
    succeeds=st.booleans(),
    existed=st.booleans(),
    old_s=st.floats(-1e7, 0) | st.floats(-2, 0),
    dated=st.tuples(st.booleans(), st.booleans()),
    deleting=st.booleans(),
    ahead_s=st.just(0.0) | st.floats(5, 1e6) | st.floats(-1e6, 0),
)
FAULTS = st.lists(st.sampled_from(["", "", "503", "drop", "html", "404 html", "resumed"]), max_size=30)


def outcome(service: Service, fault: str, at_s: float, latency_s: float) -> Answer | RequestFailure:
    """Return the outcome of a poll, which a gateway may answer in place of the service."""
    honest = service.answer(at_s, latency_s)
    if fault == "503":
        return honest._replace(status_code=503)
    if fault == "drop":
        return RequestFailure(FailureKind.CONNECTION, "", honest.at_s)
    if "html" in fault:
        return honest._replace(status_code=404 if "404" in fault else 200, body=b"<!DOCTYPE html><html></html>")
    return honest


def resumed(state: Pending, at_s: float) -> State:
    """Return the state that another process resumes, with the time of the sending in the token."""
    sent = NOON.timestamp()
    token = decode(encode(token_of(state, 0.0, sent=sent)))
    assert token.sent == sent
    now = NOON.timestamp() + at_s
    again = state_of(token, state.plan._replace(sent_s=at_s - (now - sent)))
    assert not isinstance(again, RejectedURL)
    return again._replace(next_request=state.next_request)


@pytest.mark.slow
@settings(max_examples=scaled(push=800, nightly=200_000))
@given(SERVICES, FAULTS, st.floats(0, 2))
def test_rule_53_no_verdict_on_an_unanswered_request_is_false(
    service: Service, faults: list[str], latency_s: float
) -> None:
    """Success and failure are those of the executed request; only a DELETE may find that there was nothing."""
    state: State | None = resource_polling(plan(service.method, sent_s=0.0))
    at_s = 0.5
    for number in range(MOST_POLLS):
        if not isinstance(state, (Polling, Confirming, Fetching)):
            break
        at_s += state.next_request.delay.seconds
        fault = faults[number] if number < len(faults) else ""
        state = advance(state, outcome(service, fault, at_s, latency_s))
        at_s += latency_s
        if fault == "resumed" and isinstance(state, (Polling, Confirming, Fetching)):
            state = resumed(state, at_s)
    event(type(state).__name__)
    ended = service.executed_s is not None and at_s >= service.executed_s + service.takes_s
    if isinstance(state, Succeeded):
        nothing_to_delete = service.method == "DELETE" and not service.existed
        assert nothing_to_delete or (ended and service.succeeds)
    elif isinstance(state, Failed):
        assert ended
        assert not service.succeeds
    else:
        assert isinstance(state, Unknown), "tracking ends"
        assert state.last is not None, "it can be resumed"
        seen_s = service.executed_s is not None and service.executed_s < 0.5
        certain = service.method != "DELETE" and all(service.dated) and service.ahead_s == 0 and seen_s
        assert not certain or state.reason is not UnknownReason.UNATTRIBUTED, (
            "a resource that was modified after the request tells how it ended"
        )
