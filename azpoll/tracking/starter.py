"""How an operation comes under tracking: by its initial request, from its initial answer, or from a resume token."""

from __future__ import annotations

import math
import sys
import time
from typing import TYPE_CHECKING, Any

from azpoll.errors import InvalidResumeToken, TrackerClosed, UntrustedPollingURL, unanswered
from azpoll.options import REQUEST_ARGUMENTS, checked, checked_origin, checked_origins
from azpoll.protocol import resume_token as tokens
from azpoll.protocol.answer import RequestFailure
from azpoll.protocol.delay import Delay
from azpoll.protocol.machine import resume, start
from azpoll.protocol.states import Plan
from azpoll.protocol.url_policy import RejectedURL, URLPolicy, origin_of
from azpoll.transport.client import is_repeatable, request_id_of
from azpoll.transport.shortcuts.url_cache import ORIGINS_KEPT, origin_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from azpoll.options import Defaults, Settings
    from azpoll.protocol.answer import Answer
    from azpoll.protocol.states import State
    from azpoll.schedule.initial_requests import InitialRequests
    from azpoll.transport.client import ClientTransport


class OperationStarter:
    """Makes first states, with the trust the caller has set out.

    Args:
        transport: makes URLs of the client's library, and knows the client's base URL, whose origin is one
            that resume tokens may name.
        defaults: the tracker's own settings.
        allowed_origins: further origins that polls may go to.
        rebase_to: origin, with an optional path, that URLs of other origins are moved to.
        token_key: that resume tokens must be signed with; None for tokens without a signature.

    Raises:
        ValueError: an origin is not one.
    """

    def __init__(
        self,
        transport: ClientTransport[Any],
        defaults: Defaults,
        *,
        allowed_origins: Iterable[str],
        rebase_to: str | None,
        token_key: bytes | None,
    ) -> None:
        self._transport = transport
        self._starts: InitialRequests | None = None
        parse, base_url = transport.parse, transport.base_url
        self._defaults = defaults
        self._usual = checked(defaults, {})
        self._token_key = token_key
        self._parse = parse
        self._allowed = checked_origins(allowed_origins, parse)
        self._rebase_to = rebase_to
        if rebase_to is not None:
            self._allowed |= {checked_origin("rebase_to", rebase_to, parse, path=True)}
        self._homes = self._allowed
        if base_url:
            self._homes |= {checked_origin("the client's base_url", base_url, parse, path=True)}
        self._trusts: dict[str, URLPolicy] = {}

    def settings(self, given: Mapping[str, object]) -> Settings:
        """Return the checked keywords of one call.

        Raises:
            ValueError: a value that can never be right.
            TypeError: a keyword that does not exist, or a value of the wrong type.
        """
        return checked(self._defaults, given) if given else self._usual

    def open(self, starts: InitialRequests) -> None:
        """Note who sends initial requests."""
        self._starts = starts

    def close(self) -> None:
        """Send no initial request that is not yet under way."""
        if self._starts is not None:
            self._starts.close()

    @property
    def waiting(self) -> int:
        """Initial requests that wait for their turn."""
        return 0 if self._starts is None else self._starts.waiting

    async def send(self, method: str, url: str, given: Mapping[str, object]) -> tuple[Answer, str | None, Settings]:
        """Send an initial request; returns its answer, its client request id and the settings of its tracking.

        Args:
            method: PUT, PATCH, POST, DELETE or GET.
            url: absolute, or relative to the client's base URL.
            given: the keywords of `BeginOptions`.

        Raises:
            InitialRequestFailed: it was never answered.
            TrackerClosed: the tracker was closed before its turn came.
            ValueError: an argument that can never be right.
            TypeError: a keyword that does not exist, or a value of the wrong type.
        """
        arguments = {name: value for name, value in given.items() if name in REQUEST_ARGUMENTS}
        idempotent = given.get("idempotent", False)
        if not isinstance(idempotent, bool):
            raise TypeError(f"idempotent must be True or False, not {type(idempotent).__name__}")
        settings = self.settings({name: given[name] for name in given.keys() - arguments.keys() - {"idempotent"}})
        request = self._transport.initial(self.check_method(method), url, arguments)
        self._resource_of(str(request.url))  # what cannot be asked again is not sent
        assert self._starts is not None  # noqa: S101 - the tracker was entered
        outcome = await self._starts.send(
            request, settings.owner, settings.delay_limits, repeatable=is_repeatable(request), idempotent=idempotent
        )
        if outcome is None:
            raise TrackerClosed("the tracker was closed before the initial request had its turn; nothing was sent")
        if isinstance(outcome, RequestFailure):
            raise unanswered(request, outcome)
        return outcome, request_id_of(request), settings

    def begun(self, outcome: Answer, settings: Settings, client_request_id: str | None) -> tuple[Plan, State]:
        """Return plan and state of an operation whose initial request was answered.

        Raises:
            ValueError: the method of the request starts no long-running operation, or its URL cannot be asked again.
        """
        method = self.check_method(outcome.method)
        url, url_policy = self._resource_of(outcome.url)
        plan = _plan(method, url, url_policy, settings, client_request_id, outcome.at_s)
        return plan, start(plan, outcome)

    def check_method(self, method: str) -> str:
        """Return the method in upper case.

        Raises:
            ValueError: it starts no long-running operation.
        """
        if method.upper() not in tokens.METHODS:
            raise ValueError(f"a long-running operation begins with {', '.join(tokens.METHODS)}, not {method[:16]!r}")
        return sys.intern(method.upper())

    def resumed(self, text: str, settings: Settings, at_s: float) -> tuple[Plan, State]:
        """Return plan and state of an operation from a resume token.

        Raises:
            InvalidResumeToken: it is not a token, or not one of this key.
            UntrustedPollingURL: it names an origin that the caller has not (rule 42).
        """
        try:
            token = tokens.decode(text, self._token_key)
            origin = origin_of(self._parse(token.resource_url))
        except tokens.InvalidToken as error:
            raise InvalidResumeToken(f"the resume token is of no use: {error}") from error
        except Exception as error:  # whatever the URL class raises
            raise InvalidResumeToken("the resume token is of no use: it names no URL") from error
        if origin not in self._homes:
            raise UntrustedPollingURL(
                f"the resume token names {origin.shown()}, which is neither the origin of the client's base_url nor in"
                " allowed_origins; nothing was sent. If it is to be trusted, name it there"
            )
        url_policy = self._trust_at(token.resource_url)
        plan = _plan(token.method, token.resource_url, url_policy, settings, token.client_request_id, at_s)
        if settings.final_state_via is None and token.final_state_via is not None:
            plan = plan._replace(final_state_via=token.final_state_via)
        state = tokens.state_of(token, plan)
        resource = plan.url_policy.resolve(plan.resource_url, base=plan.resource_url, resource_url=plan.resource_url)
        if isinstance(resource, RejectedURL):
            state = resource
        if isinstance(state, RejectedURL):
            raise UntrustedPollingURL(f"a URL in the resume token is refused: {state.reason}; nothing was sent")
        left_s = min(max(token.not_before - time.time(), 0.0), plan.delay_limits.cap)
        return plan, resume(state, Delay(left_s, by_server=True), at_s)

    def reading(self, url: str) -> Plan:
        """Return the plan of a read that is no operation.

        Raises:
            ValueError: it is not an http or https URL.
        """
        checked_origin("the URL of a source of hints", url.partition("?")[0], self._parse, path=True)
        return _plan("GET", url, self._trust_at(url), self.settings({"timeout": None}), None, 0.0)

    def _resource_of(self, url: str) -> tuple[str, URLPolicy]:
        """Return the URL at which a resource is asked after its initial request, and what is trusted from there.

        Raises:
            ValueError: it is one that no answer may name either (rules 8, 13).
        """
        url = url.partition("#")[0].replace("\\", "%5C")  # a fragment is never sent
        url_policy = self._trust_at(url)
        asked = url_policy.resolve(url, base=url, resource_url=url)
        if isinstance(asked, RejectedURL):
            raise ValueError(f"the URL of the initial request is refused: {asked.reason}")  # noqa: TRY004 - of a value
        return url, url_policy

    def _trust_at(self, url: str) -> URLPolicy:
        """Return what is trusted from a URL on, which all that stands before its path decides."""
        before = origin_in(url)
        url_policy = self._trusts.get(before)
        if url_policy is None:
            if len(self._trusts) >= ORIGINS_KEPT:
                self._trusts.clear()
            origin = origin_of(self._parse(before))
            url_policy = self._trusts[before] = URLPolicy(self._parse, origin, self._allowed, self._rebase_to)
        return url_policy


def _plan(  # noqa: PLR0917 - the columns of a plan
    method: str, url: str, url_policy: URLPolicy, settings: Settings, client_request_id: str | None, at_s: float
) -> Plan:
    return Plan(
        method=method,
        resource_url=url,
        url_policy=url_policy,
        final_state_via=settings.final_state_via,
        result=settings.result,
        terminal_words=settings.terminal_words,
        delay_limits=settings.delay_limits,
        deadline_s=None if math.isinf(settings.timeout_s) else at_s + settings.timeout_s,
        client_request_id=client_request_id,
    )
