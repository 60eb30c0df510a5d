"""The first state of an operation: from an initial request, an initial response, a polling URL or a resume token.

Bad input raises `ValueError` or `TypeError` here, before anything is sent; `Tracker` documents when.
"""

from __future__ import annotations

import time
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from azpoll.errors import InvalidResumeToken, TrackerClosed, UntrustedPollingURL, error_of
from azpoll.protocol.answer import RequestFailure
from azpoll.protocol.cookies import plan_with_cookies, with_kept
from azpoll.protocol.delay import Delay, immediate_delay
from azpoll.protocol.followed_url import follow
from azpoll.protocol.initial_retry import is_idempotent
from azpoll.protocol.machine import resume, start
from azpoll.protocol.not_accepted import resource_polling
from azpoll.protocol.plan import METHODS, Plan
from azpoll.protocol.reading import SET_COOKIE
from azpoll.protocol.redaction import masked_url
from azpoll.protocol.states import Unknown, UnknownReason
from azpoll.protocol.url_policy import RejectedURL, URLPolicy, before_path, origin_of
from azpoll.tracking.origins import NO_ORIGIN, checked_followed_url, checked_initial_url, checked_origin
from azpoll.tracking.record import OperationRecord
from azpoll.tracking.request_options import resumed_options
from azpoll.tracking.settings import (
    REQUEST_ARGUMENTS,
    Settings,
    checked,
    checked_choice,
    checked_owner,
    checked_request_timeout,
    checked_seconds,
    checked_type,
)
from azpoll.tracking.unanswered import unanswered

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from azpoll.protocol.answer import Answer
    from azpoll.protocol.initial_retry import InitialOutcome
    from azpoll.protocol.states import State
    from azpoll.protocol.token_content import Token
    from azpoll.tracking.record import OnChange
    from azpoll.tracking.settings import TrackerSettings
    from azpoll.transport.library import HTTPResponse
    from azpoll.transport.received_response import InitialResponse
    from azpoll.transport.transport import InitialRequest, Transport

_OWNER = frozenset({"owner"})
POLICIES_KEPT = 64
"""The greatest number of cached URL policies; operations at one origin share a policy."""


class Prepared(NamedTuple):
    """A checked initial request that was not sent yet.

    Attributes:
        resource_url: its URL, as the plan of its operation has it.
        policy: of the operation.
    """

    request: InitialRequest
    settings: Settings
    idempotent: bool
    resource_url: str
    policy: URLPolicy


class OperationStarter:
    """Makes the records of new operations, within the trust that the caller has declared.

    The first delay of a record counts from the time of its initial answer, or from its resumption.

    Args:
        transport: builds initial requests and reads initial responses.
        settings: of the tracker.
        on_change: given to each record.
        token: makes the resume token of a record; None where there is nothing to poll.
        record_type: of the records.
    """

    def __init__(
        self,
        transport: Transport[HTTPResponse],
        settings: TrackerSettings,
        on_change: OnChange,
        token: Callable[[OperationRecord], str | None],
        record_type: type[OperationRecord] = OperationRecord,
    ) -> None:
        self._transport = transport
        self._settings = settings
        self._on_change = on_change
        self._token = token
        self._record_type = record_type
        self._policy_before = lru_cache(POLICIES_KEPT)(self._new_policy)
        self._alike: tuple[object, Settings] | None = None  # the options of the last token, and their settings

    def prepare(self, method: str, url: str, given: Mapping[str, object]) -> Prepared:
        """Build and check an initial request from the arguments of `Tracker.begin`."""
        arguments = {name: value for name, value in given.items() if name in REQUEST_ARGUMENTS}
        idempotent = given.get("idempotent")
        if idempotent is not None and not isinstance(idempotent, bool):
            raise TypeError(f"idempotent must be True, False or None, not {type(idempotent).__name__}")
        limit = given.get("request_timeout")
        limit_s = None if limit is None else checked_request_timeout(limit)
        options = {name: given[name] for name in given.keys() - arguments.keys() - {"idempotent", "request_timeout"}}
        settings = checked(options, self._settings)
        method, url = _checked_method(method), checked_initial_url(url, self._settings.url_policy.parse)
        request = self._transport.build_initial(method, url, arguments, limit_s)
        target = self._pollable(request.url)
        _check_cancel_url(settings, *target)
        return Prepared(request, settings, is_idempotent(request.method, idempotent), *target)

    def from_outcome(self, prepared: Prepared, outcome: InitialOutcome | None, own_id: str | None) -> OperationRecord:
        """Return the operation of an initial request.

        Args:
            prepared: the request.
            outcome: None if the request was not sent before the tracker closed.
            own_id: the id that is in the journal; None without a journal.
        """
        if outcome is None:
            raise TrackerClosed("the tracker was closed before the initial request had its turn; nothing was sent")
        request, settings = prepared.request, prepared.settings
        last, sent_s, repeated = outcome
        method, (url, policy) = _checked_method(request.method), self._pollable(request.url)
        plan = settings.plan_at(method, url, policy, last.at_s, request.client_request_id)._replace(sent_s=sent_s)
        if request.cookies:
            plan = with_kept(plan, request.cookies)
        if not isinstance(last, RequestFailure):
            return self._started(settings, plan, last, own_id, repeated=repeated)
        assumed = None if sent_s is None else self._assumed(settings, plan, last.at_s, own_id)
        token = None if assumed is None else self._token(assumed)
        raise unanswered(request, last, token, may_have_acted=sent_s is not None)

    def assumed(self, prepared: Prepared, at_s: float, own_id: str) -> OperationRecord | None:
        """Return an operation that polls the resource, as if a request sent at `at_s` had no answer (rule 53)."""
        request, settings, _, url, policy = prepared
        plan = settings.plan_at(_checked_method(request.method), url, policy, at_s, request.client_request_id)
        return self._assumed(settings, plan._replace(sent_s=at_s), at_s, own_id)

    def from_response(self, response: InitialResponse | str, options: Mapping[str, object]) -> OperationRecord:
        """Return the operation of an initial response that the caller received, or of a continuation token."""
        settings = checked(options, self._settings)
        if isinstance(response, str):
            from azpoll.tracking import stored_text  # noqa: PLC0415 - most programs track responses alone

            response = stored_text.response_in(response, self._settings.url_policy)
        answer, client_request_id = self._transport.answer_from(response)
        url, policy = self._pollable(answer.url)
        _check_cancel_url(settings, url, policy)
        plan = settings.plan_at(_checked_method(answer.method), url, policy, answer.at_s, client_request_id)
        return self._started(settings, plan, answer)

    def from_url(
        self, method: str, url: str, options: Mapping[str, object], retry_after: float | None, at_s: float
    ) -> OperationRecord:
        """Return the operation of a polling URL, which is polled after the wait that the service named (rule 47)."""
        settings = checked(options, self._settings)
        url, policy = self._followable(url)
        _check_cancel_url(settings, url, policy)
        plan = settings.plan_at(_checked_method(method), url, policy, at_s, None)
        wait_s = None if retry_after is None else checked_seconds("retry_after", retry_after)
        delay = immediate_delay(wait_s, plan.delay_limits)
        return self._record(settings, plan, resume(follow(plan), delay, at_s), at_s)

    def from_token(self, text: object, options: Mapping[str, object], at_s: float) -> OperationRecord:
        """Return the operation of a resume token."""
        from azpoll.tracking import stored_text  # noqa: PLC0415 - most programs resume nothing

        if not isinstance(text, str):
            raise InvalidResumeToken(f"the resume token cannot be used: it is of type {type(text).__name__}, not text")
        if not options.keys() <= _OWNER:  # their errors come before those of the token
            checked({name: value for name, value in options.items() if name != "stored_headers"}, self._settings)
        token = stored_text.token_in(text, self._settings.token_key, self._settings.url_policy)
        settings = self._resumed(token, options)
        policy = self._policy_before(before_path(token.resource_url))
        plan = settings.plan_at(token.method, token.resource_url, policy, at_s, token.client_request_id)
        now = time.time()
        if token.deadline is not None and "timeout" not in options:  # a deadline in the past leaves one poll (rule 38)
            plan = plan._replace(deadline_s=at_s + max(token.deadline - now, 0.0))
        if token.sent is not None:
            plan = plan._replace(sent_s=at_s - max(now - token.sent, 0.0))
        if "cancel_url" in options:
            _check_cancel_url(settings, token.resource_url, policy)
            token = token._replace(cancel_url=None)
        left_s = min(max(token.not_before - now, 0.0), plan.delay_limits.cap)
        resumed = resume(stored_text.state_of(token, plan), Delay(left_s, by_server=True), at_s)
        record = self._record(settings, plan, resumed, at_s, token.operation_id)
        if token.begun is not None:
            record.started_s = at_s - max(now - token.begun, 0.0)
        return record

    def _resumed(self, token: Token, options: Mapping[str, object]) -> Settings:
        """Return the settings of a token. Equal options, as most rows of a journal have, are checked once."""
        if not options.keys() <= _OWNER:
            return checked({**resumed_options(token, options), **options}, self._settings)
        if self._alike is None or self._alike[0] != token.options:
            self._alike = token.options, checked(resumed_options(token, options), self._settings)
        plan, timeout_s, patience, _, _ = self._alike[1]
        return Settings(plan, timeout_s, patience, token.label, checked_owner(options.get("owner")))

    def plan_for_read(self, url: str) -> Plan:
        """Return the plan of a read that belongs to no operation."""
        parse = self._settings.url_policy.parse
        checked_origin("the URL of a source of hints", url.partition("?")[0], parse, path=True)
        return Plan("GET", url, self._policy_before(before_path(url)), delay_limits=self._settings.delay_limits)

    def _pollable(self, url: str) -> tuple[str, URLPolicy]:
        """Return the resource URL and the URL policy for the URL of an initial request, if polls may go there."""
        url = url.partition("#")[0].replace("\\", "%5C")  # a fragment is never sent
        policy = self._policy_before(before_path(url))
        resolved = policy.resolve(url, base=url, resource_url=url)
        if isinstance(resolved, RejectedURL):
            raise ValueError(f"the URL of the initial request is refused: {resolved.reason}")  # noqa: TRY004 - of a value
        return url, policy

    def _followable(self, url: str) -> tuple[str, URLPolicy]:
        """Return a polling URL of the caller in absolute form and its URL policy, if the caller trusts its origin."""
        trust = self._settings.url_policy
        if not checked_type("url", url, str):
            raise ValueError("url must be a polling URL, not empty text or None")
        url = checked_followed_url(url, self._settings.base_url, trust.parse)
        resolved = trust.resolve(url, base=url, resource_url=url)
        if not isinstance(resolved, RejectedURL):
            has_home = trust.initial != NO_ORIGIN
            return resolved, trust if has_home else self._policy_before(before_path(resolved))
        if resolved.is_malformed or not resolved.url:
            raise ValueError(f"the URL to follow is refused: {resolved.reason}")
        origin = origin_of(trust.parse(resolved.url))
        raise UntrustedPollingURL(
            f"the URL to follow is refused: its origin {origin.shown()} is neither that of the client's base_url nor"
            f" listed; nothing was sent. {resolved.advice}"
        )

    def _new_policy(self, before: str) -> URLPolicy:
        """Return the policy for URLs with this text before their path."""
        policy = self._settings.url_policy
        return policy._replace(initial=origin_of(policy.parse(before)))

    def _started(
        self, settings: Settings, plan: Plan, answer: Answer, own_id: str | None = None, *, repeated: bool = False
    ) -> OperationRecord:
        """Return the operation of an initial answer; raises `InitialRequestFailed` if the answer started none."""
        if SET_COOKIE in answer.headers:
            plan = plan_with_cookies(plan, answer)
        state = start(plan, answer, repeated=repeated)
        record = self._record(settings, plan, state, answer.at_s, own_id)
        if isinstance(state, Unknown) and state.reason is UnknownReason.NOT_STARTED:
            request = f"{plan.method} {masked_url(plan.resource_url)}"
            response = self._transport.response_from(answer)
            acted = plan.sent_s is not None
            raise error_of(state, request, self._token(record), response, may_have_acted=acted)
        return record

    def _assumed(self, settings: Settings, plan: Plan, at_s: float, own_id: str | None) -> OperationRecord | None:
        state = resource_polling(plan)
        return None if state is None else self._record(settings, plan, state, at_s, own_id)

    def _record(
        self, settings: Settings, plan: Plan, state: State, at_s: float, own_id: str | None = None
    ) -> OperationRecord:
        return self._record_type(
            plan,
            state,
            self._on_change,
            at_s,
            at_s,
            label=settings.label,
            owner=settings.owner,
            own_id=own_id,
        )


def _check_cancel_url(settings: Settings, url: str, policy: URLPolicy) -> None:
    """Raise `ValueError` for a cancel URL of the caller that is refused, given the URL of the initial request."""
    if settings.cancel_url is not None:
        resolved = policy.resolve(settings.cancel_url, base=url, resource_url=url)
        if isinstance(resolved, RejectedURL):
            raise ValueError(f"cancel_url is refused: {resolved.explanation}")


def _checked_method(method: str) -> str:
    """Return the method in upper case, as an object that all operations share."""
    if "/" in str(method):  # no method has one, and the query of a URL may be secret
        raise ValueError("the method comes first, and then the URL")
    return checked_choice("method", str(method).upper(), METHODS)
