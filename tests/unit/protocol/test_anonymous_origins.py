"""Rule 9: which requests go without the client's credentials."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from azpoll.protocol.states import Polling, UnknownReason, is_anonymous
from azpoll.protocol.url_policy import origin_of
from tests.support.protocol_rows import HOST, TRUST, accepted, monitor, plan, polling, reply, run, run_from, url

if TYPE_CHECKING:
    from azpoll.protocol.url_policy import URLPolicy

EU = "https://eu.azure.com"
LISTED = TRUST._replace(allowed=frozenset({origin_of(TRUST.parse(EU))}))
ANONYMOUS = TRUST._replace(anonymous=frozenset({origin_of(TRUST.parse(EU))}))


def test_rule_9_a_redirect_within_an_origin_keeps_the_credentials() -> None:
    state = run_from(polling(), reply(307, Location="/2"), reply(307, Location=f"{HOST}:443/3")).next
    assert (state.next_request.redirects, is_anonymous(state)) == (2, False)


@pytest.mark.parametrize("url_policy", [LISTED, ANONYMOUS])
def test_rule_9_a_redirect_to_another_listed_origin_goes_without_credentials(url_policy: URLPolicy) -> None:
    """And stays without on its way back; the next poll, at the polling URL, has them."""
    first = run_from(polling(url_policy=url_policy), reply(307, Location=f"{EU}/2"))
    assert (first.next.next_request.url, is_anonymous(first.next)) == (f"{EU}/2", True)
    back = run_from(first.next, reply(307, Location=f"{HOST}/3"))
    assert (back.next.next_request.url, is_anonymous(back.next)) == (url("/3"), True)
    for after in (reply(503), monitor("Running")):
        state = run_from(back.next, after).next
        assert (state.next_request.url, is_anonymous(state)) == (url("/op"), False)


@pytest.mark.parametrize(
    ("url_policy", "anonymous"), [(LISTED, False), (ANONYMOUS, True), (LISTED._replace(anonymous=LISTED.allowed), True)]
)
def test_rule_9_a_poll_of_an_anonymous_origin_goes_without_credentials(url_policy: URLPolicy, anonymous: bool) -> None:  # noqa: FBT001 - a row
    """Monitor, `Location`, `resourceLocation` and a retry of each; the resource itself has them."""
    the_plan = plan("POST", url_policy=url_policy)
    moved = reply(200, {"status": "Succeeded", "resourceLocation": f"{EU}/r"})
    for state in (
        run(the_plan, accepted(Azure_AsyncOperation=f"{EU}/op")).next,
        run(the_plan, accepted(Location=f"{EU}/op"), reply(503)).next,
        run(the_plan, accepted(Azure_AsyncOperation="/op", Location=f"{EU}/l"), monitor("Succeeded")).next,
        run(the_plan, accepted(Azure_AsyncOperation="/op"), moved).next,
    ):
        assert state.next_request.url.startswith(EU)
        assert is_anonymous(state) is anonymous
    assert not is_anonymous(run(the_plan, accepted(Azure_AsyncOperation="/op")).next)


def test_rule_26_a_401_without_a_credential_renews_none() -> None:
    """The text says why no credential was sent, and what helps."""
    state = run(plan("POST", url_policy=ANONYMOUS), accepted(Azure_AsyncOperation=f"{EU}/op")).next
    unknown = run_from(state, reply(401)).unknown
    assert unknown.reason is UnknownReason.UNAUTHENTICATED
    assert unknown.detail == "HTTP 401, and the request had no credential because anonymous_origins names its origin"
    assert unknown.advice == "If it needs a credential and you trust it, list it in allowed_origins instead"
    redirected = run_from(polling(url_policy=LISTED), reply(307, Location=f"{EU}/2"), reply(401)).unknown
    assert redirected.detail == "HTTP 401, and the request had no credential because a redirect led to its origin"
    assert redirected.advice == "Find out why the service redirects"


def test_rule_26_a_401_without_a_credential_keeps_the_operation_and_the_answer() -> None:
    """The operation can be resumed once its origin is listed, and the 401 is the response of the error."""
    state = run(plan("POST", url_policy=ANONYMOUS), accepted(Azure_AsyncOperation=f"{EU}/op")).next
    unknown = run_from(state, reply(401)).unknown
    assert isinstance(unknown.last, Polling)
    assert (unknown.last.url, unknown.last.failure_counts.in_a_row) == (state.url, 1)
    assert unknown.answer is not None
    assert unknown.answer.status_code == 401
