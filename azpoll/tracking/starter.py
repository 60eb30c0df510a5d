"""The first state of an operation: from an initial request, an initial response or a resume token."""

from __future__ import annotations

import math
import sys
import time
from typing import TYPE_CHECKING, NamedTuple

from azpoll.errors import InvalidResumeToken, UntrustedPollingURL
from azpoll.protocol import resume_token
from azpoll.protocol.delay import Delay
from azpoll.protocol.machine import resume, start
from azpoll.protocol.states import Plan
from azpoll.protocol.url_policy import RejectedURL, URLPolicy, origin_of
from azpoll.tracking.origins import checked_origin
from azpoll.tracking.settings import REQUEST_ARGUMENTS, checked, checked_flag
from azpoll.transport.shortcuts.url_cache import ORIGINS_KEPT, origin_in

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from azpoll.protocol.answer import Answer
    from azpoll.protocol.states import State
    from azpoll.protocol.url_policy import ParsedURL
    from azpoll.tracking.origins import Origins
    from azpoll.tracking.settings import Defaults, Settings
    from azpoll.transport.library import HTTPResponse
    from azpoll.transport.transport import InitialRequest, Transport


class Target(NamedTuple):
    """A checked method and URL.

    Attributes:
        method: upper case.
        resource_url: the URL of the resource, without a fragment.
        url_policy: where requests of the operation may go.
    """

    method: str
    resource_url: str
    url_policy: URLPolicy


class Prepared(NamedTuple):
    """A checked initial request that was not sent yet.

    Attributes:
        request: ready to be sent.
        target: its method and URL.
        settings: of the tracking.
        idempotent: whether the service may execute it twice.
    """

    request: InitialRequest
    target: Target
    settings: Settings
    idempotent: bool


class OperationStarter:
    """Makes plans and first states within the trust that the caller has declared.

    Args:
        transport: builds initial requests and reads initial responses.
        parse_url: the URL class that also sends, so no second parser can disagree with it.
        defaults: the tracker's own settings.
        origins: where polls may go besides the origin of the initial request.
        token_key: the key that resume tokens must be signed with; None for tokens without a signature.
    """

    def __init__(
        self,
        transport: Transport[HTTPResponse],
        parse_url: Callable[[str], ParsedURL],
        defaults: Defaults,
        origins: Origins,
        token_key: bytes | None,
    ) -> None:
        self._transport = transport
        self._parse_url = parse_url
        self._defaults = defaults
        self._default_settings = checked(defaults, {})
        self._origins = origins
        self._token_key = token_key
        self._policies: dict[str, URLPolicy] = {}

    def prepare(self, method: str, url: str, given: Mapping[str, object]) -> Prepared:
        """Build and check an initial request.

        Args:
            method: PUT, PATCH, POST, DELETE or GET.
            url: absolute, or relative to the client's base URL.
            given: the keywords of `BeginOptions`.

        Raises:
            ValueError: an argument is out of its range, or its URL cannot be polled (rules 8, 13).
            TypeError: a keyword does not exist, or a value has the wrong type.
        """
        arguments = {name: value for name, value in given.items() if name in REQUEST_ARGUMENTS}
        idempotent = checked_flag("idempotent", given.get("idempotent", False))
        settings = self.settings({name: given[name] for name in given.keys() - arguments.keys() - {"idempotent"}})
        method = _checked_method(method)
        request = self._transport.build_initial(method, url, arguments)
        return Prepared(request, self._target(method, request.url), settings, idempotent)

    def settings(self, given: Mapping[str, object]) -> Settings:
        """Return the settings of one call.

        Raises:
            ValueError: a value is out of its range.
            TypeError: a keyword does not exist, or a value has the wrong type.
        """
        return checked(self._defaults, given) if given else self._default_settings

    def from_answer(self, prepared: Prepared, answer: Answer) -> tuple[Plan, State]:
        """Return plan and state of an operation whose initial request was answered.

        Raises:
            ValueError: the client's auth or an event hook changed the URL to one that cannot be polled.
        """
        request, target = prepared.request, prepared.target
        if answer.url != request.url:
            target = self._target(target.method, answer.url)
        plan = _plan(target, prepared.settings, request.client_request_id, answer.at_s)
        return plan, start(plan, answer)

    def from_response(self, response: HTTPResponse, settings: Settings) -> tuple[Plan, State]:
        """Return plan and state of an operation from the initial response that the caller received.

        Raises:
            ValueError: the method starts no long-running operation, the URL cannot be polled, or the response has no
                request or an unread body.
            TypeError: the value is not a response of httpx or httpx2.
        """
        answer, client_request_id = self._transport.answer_from(response)
        target = self._target(_checked_method(answer.method), answer.url)
        plan = _plan(target, settings, client_request_id, answer.at_s)
        return plan, start(plan, answer)

    def from_token(self, text: str, settings: Settings, at_s: float) -> tuple[Plan, State]:
        """Return plan and state of an operation from a resume token.

        Raises:
            InvalidResumeToken: the text is not a token, or is not signed with this key.
            UntrustedPollingURL: the token names an origin that the caller did not list (rule 42).
        """
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
        target = Target(token.method, token.resource_url, self._policy_at(token.resource_url))
        plan = _plan(target, settings, token.client_request_id, at_s)
        if settings.final_state_via is None and token.final_state_via is not None:
            plan = plan._replace(final_state_via=token.final_state_via)
        state = resume_token.state_of(token, plan)
        if isinstance(state, RejectedURL):
            raise UntrustedPollingURL(f"a URL in the resume token is refused: {state.reason}; nothing was sent")
        left_s = min(max(token.not_before - time.time(), 0.0), plan.delay_limits.cap)
        return plan, resume(state, Delay(left_s, by_server=True), at_s)

    def plan_for_read(self, url: str) -> Plan:
        """Return the plan of a read that belongs to no operation.

        Raises:
            ValueError: the URL is not an http or https URL.
        """
        checked_origin("the URL of a source of hints", url.partition("?")[0], self._parse_url, path=True)
        target = Target("GET", url, self._policy_at(url))
        return _plan(target, self.settings({"timeout": None}), None, 0.0)

    def _target(self, method: str, url: str) -> Target:
        """Return the method and the checked URL at which the resource can be polled.

        Raises:
            ValueError: the URL is one that no answer could name either (rules 8, 13).
        """
        url = url.partition("#")[0].replace("\\", "%5C")  # a fragment is never sent
        policy = self._policy_at(url)
        resolved = policy.resolve(url, base=url, resource_url=url)
        if isinstance(resolved, RejectedURL):
            raise ValueError(f"the URL of the initial request is refused: {resolved.reason}")  # noqa: TRY004 - of a value
        return Target(method, url, policy)

    def _policy_at(self, url: str) -> URLPolicy:
        """Return the policy for a URL; the part before its path decides, so policies are shared."""
        before = origin_in(url)
        policy = self._policies.get(before)
        if policy is None:
            if len(self._policies) >= ORIGINS_KEPT:
                self._policies.clear()
            parse, (allowed, _, rebase_to) = self._parse_url, self._origins
            policy = self._policies[before] = URLPolicy(parse, origin_of(parse(before)), allowed, rebase_to)
        return policy


def _checked_method(method: str) -> str:
    """Return the method in upper case.

    Raises:
        ValueError: it starts no long-running operation.
    """
    if method.upper() not in resume_token.METHODS:
        known = ", ".join(resume_token.METHODS)
        raise ValueError(f"a long-running operation begins with {known}, not {method[:16]!r}")
    return sys.intern(method.upper())


def _plan(target: Target, settings: Settings, client_request_id: str | None, at_s: float) -> Plan:
    return Plan(
        method=target.method,
        resource_url=target.resource_url,
        url_policy=target.url_policy,
        final_state_via=settings.final_state_via,
        result=settings.result,
        terminal_words=settings.terminal_words,
        delay_limits=settings.delay_limits,
        deadline_s=None if math.isinf(settings.timeout_s) else at_s + settings.timeout_s,
        client_request_id=client_request_id,
    )
