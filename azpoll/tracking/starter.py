"""The first state of an operation: from an initial request, an initial response or a resume token.

Bad input raises `ValueError` or `TypeError` here, before anything is sent; `Tracker` documents when.
"""

from __future__ import annotations

import math
import sys
import time
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from azpoll.errors import InvalidResumeToken, UntrustedPollingURL, error_of
from azpoll.protocol import resume_token
from azpoll.protocol.delay import Delay
from azpoll.protocol.machine import resume, start
from azpoll.protocol.plan import Plan
from azpoll.protocol.redaction import masked_url
from azpoll.protocol.states import Unknown, UnknownReason
from azpoll.protocol.url_policy import RejectedURL, URLPolicy, before_path, origin_of
from azpoll.tracking.settings import REQUEST_ARGUMENTS, checked, checked_origin

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from azpoll.protocol.answer import Answer
    from azpoll.protocol.states import State
    from azpoll.protocol.url_policy import ParsedURL
    from azpoll.tracking.settings import Origins, Settings
    from azpoll.transport.library import HTTPResponse
    from azpoll.transport.transport import InitialRequest, Transport

POLICIES_KEPT = 64
"""The greatest number of cached URL policies; operations at one origin share a policy."""


class Prepared(NamedTuple):
    """A checked initial request that was not sent yet; its plan has no deadline and no client request id."""

    request: InitialRequest
    plan: Plan
    settings: Settings
    idempotent: bool


class Started(NamedTuple):
    """A new operation. The delay in `state` counts from `at_s`, the time of the initial answer or of the resumption."""

    plan: Plan
    settings: Settings
    state: State
    at_s: float


class OperationStarter:
    """Makes plans and first states within the trust that the caller has declared.

    `parse_url` is the URL class that also sends, so no second parser can disagree with it. Without a `token_key`,
    resume tokens need no signature.
    """

    def __init__(
        self,
        transport: Transport[HTTPResponse],
        parse_url: Callable[[str], ParsedURL],
        defaults: Settings,
        origins: Origins,
        token_key: bytes | None,
    ) -> None:
        self._transport = transport
        self._parse_url = parse_url
        self._defaults = defaults
        self._origins = origins
        self._token_key = token_key
        self._policy_before = lru_cache(POLICIES_KEPT)(self._new_policy)

    def prepare(self, method: str, url: str, given: Mapping[str, object]) -> Prepared:
        """Build and check an initial request from the arguments of `Tracker.begin`."""
        arguments = {name: value for name, value in given.items() if name in REQUEST_ARGUMENTS}
        idempotent = given.get("idempotent", False)
        if not isinstance(idempotent, bool):
            raise TypeError(f"idempotent must be True or False, not {type(idempotent).__name__}")
        tracking = {name: given[name] for name in given.keys() - arguments.keys() - {"idempotent"}}
        settings = checked(self._defaults, tracking)
        method = _checked_method(method)
        request = self._transport.build_initial(method, url, arguments)
        return Prepared(request, self._pollable_plan(method, request.url, settings), settings, idempotent)

    def from_answer(self, prepared: Prepared, answer: Answer) -> Started:
        """Return the operation of an initial request that was answered."""
        request, plan, settings, _ = prepared
        if answer.url != request.url:
            plan = self._pollable_plan(plan.method, answer.url, settings)
        return self._started(plan, settings, answer, request.client_request_id)

    def from_response(self, response: HTTPResponse, given: Mapping[str, object]) -> Started:
        """Return the operation of an initial response that the caller received."""
        settings = checked(self._defaults, given)
        answer, client_request_id = self._transport.answer_from(response)
        plan = self._pollable_plan(_checked_method(answer.method), answer.url, settings)
        return self._started(plan, settings, answer, client_request_id)

    def from_token(self, text: str, given: Mapping[str, object], at_s: float) -> Started:
        """Return the operation of a resume token."""
        settings = checked(self._defaults, given)
        try:
            token = resume_token.decode(text, self._token_key)
            origin = origin_of(self._parse_url(token.resource_url))
        except resume_token.InvalidToken as error:
            raise InvalidResumeToken(f"the resume token cannot be used: {error}") from error
        except Exception as error:  # the URL class may raise any exception
            raise InvalidResumeToken("the resume token cannot be used: it holds an invalid URL") from error
        if origin not in self._origins.resumable:
            raise UntrustedPollingURL(
                f"the resume token names {origin.shown()}, which is neither the origin of the client's base_url nor in"
                " allowed_origins; nothing was sent. If you trust that origin, list it there"
            )
        plan = self._plan(token.method, token.resource_url, settings)._replace(
            final_state_via=settings.final_state_via or token.final_state_via,
            deadline_s=_deadline(settings, at_s),
            client_request_id=token.client_request_id,
        )
        state = resume_token.state_of(token, plan)
        if isinstance(state, RejectedURL):
            raise UntrustedPollingURL(f"a URL in the resume token is refused: {state.reason}; nothing was sent")
        left_s = min(max(token.not_before - time.time(), 0.0), plan.delay_limits.cap)
        return Started(plan, settings, resume(state, Delay(left_s, by_server=True), at_s), at_s)

    def plan_for_read(self, url: str) -> Plan:
        """Return the plan of a read that belongs to no operation."""
        checked_origin("the URL of a source of hints", url.partition("?")[0], self._parse_url, path=True)
        return self._plan("GET", url, self._defaults)

    def _pollable_plan(self, method: str, url: str, settings: Settings) -> Plan:
        """Return the plan of an operation whose resource can be polled at the URL of its initial request."""
        url = url.partition("#")[0].replace("\\", "%5C")  # a fragment is never sent
        plan = self._plan(method, url, settings)
        resolved = plan.url_policy.resolve(url, base=url, resource_url=url)
        if isinstance(resolved, RejectedURL):
            raise ValueError(f"the URL of the initial request is refused: {resolved.reason}")  # noqa: TRY004 - of a value
        return plan

    def _plan(self, method: str, url: str, settings: Settings) -> Plan:
        return Plan(
            method=method,
            resource_url=url,
            url_policy=self._policy_before(before_path(url)),
            final_state_via=settings.final_state_via,
            result=settings.result,
            terminal_words=settings.terminal_words,
            delay_limits=settings.delay_limits,
        )

    def _new_policy(self, before: str) -> URLPolicy:
        """Return the policy for URLs with this text before their path."""
        origin = origin_of(self._parse_url(before))
        return URLPolicy(self._parse_url, origin, self._origins.allowed, self._origins.rebase_to)

    def _started(self, plan: Plan, settings: Settings, answer: Answer, client_request_id: str | None) -> Started:
        """Return the operation of an initial answer; raises `InitialRequestFailed` if the answer started none."""
        plan = plan._replace(deadline_s=_deadline(settings, answer.at_s), client_request_id=client_request_id)
        state = start(plan, answer)
        if isinstance(state, Unknown) and state.reason is UnknownReason.NOT_STARTED:
            request = f"{plan.method} {masked_url(plan.resource_url)}"
            raise error_of(state, request, None, self._transport.response_from(answer))
        return Started(plan, settings, state, answer.at_s)


def _checked_method(method: str) -> str:
    """Return the method in upper case."""
    if method.upper() not in resume_token.METHODS:
        known = ", ".join(resume_token.METHODS)
        raise ValueError(f"a long-running operation begins with {known}, not {method[:16]!r}")
    return sys.intern(method.upper())


def _deadline(settings: Settings, at_s: float) -> float | None:
    return None if math.isinf(settings.timeout_s) else at_s + settings.timeout_s
