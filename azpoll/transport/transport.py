"""`Transport`: the interface through which the layers above send requests.

`ClientTransport` implements `Transport` over the caller's HTTP client. A test implements it without an HTTP library.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from azpoll.protocol.cookies import Cookies, cookies_for
from azpoll.protocol.states import is_anonymous
from azpoll.transport.library import HTTPResponse, ResponseT_co

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping

    from azpoll.protocol.answer import Answer, RequestFailure
    from azpoll.protocol.request_headers import HeaderPairs
    from azpoll.protocol.states import Pending
    from azpoll.protocol.url_policy import Origin
    from azpoll.transport.received_response import InitialResponse

REQUEST_TIMEOUT_S = 120.0
"""The time limit of a whole request in seconds, unless the caller sets another (rule 38). The limits of httpx apply to
each read, which a slow server can repeat without end."""

MAX_BODY = 8 * 1024 * 1024
"""The longest body of a response in bytes, unless the caller sets another limit (rule 38)."""

_NO_OPTIONS: Mapping[str, object] = {}


class InitialRequest:
    """An initial request, ready to be sent.

    Attributes:
        method: in upper case, such as "PUT".
        url: absolute. Sending the request updates it, because the client's auth or an event hook may change it.
        client_request_id: the `x-ms-client-request-id` header; None if polls cannot repeat it (rule 45). Sending the
            request updates it, because the client's auth or an event hook may change the header.
        is_repeatable: whether the request can be sent again; a streamed body is consumed by the first attempt.
        timeout_s: the time limit of the whole request in seconds; None for that of the transport.
        cookies: set by the answers so far (rule 52); the request carries them when it is sent again.
        message: the request object of the transport that built it.
        options: how that transport sends it: the auth and the redirects of this request alone.
    """

    # A dataclass with slots would be declared twice, by code that is compiled at each import.
    __slots__ = ("client_request_id", "cookies", "is_repeatable", "message", "method", "options", "timeout_s", "url")

    def __init__(
        self,
        method: str,
        url: str,
        client_request_id: str | None = None,
        *,
        is_repeatable: bool = True,
        timeout_s: float | None = None,
        message: Any = None,  # noqa: ANN401 - of either library
        options: Mapping[str, Any] = _NO_OPTIONS,
    ) -> None:
        self.method = method
        self.url = url
        self.client_request_id = client_request_id
        self.is_repeatable = is_repeatable
        self.timeout_s = timeout_s
        self.cookies: Cookies = ()
        self.message = message
        self.options = options


class Transport(Protocol[ResponseT_co]):
    """Sends requests and converts between answers and responses.

    Sending raises nothing but cancellation: a request without a readable answer is a `RequestFailure`. Redirects are
    not followed.
    """

    def poll(
        self,
        method: str,
        url: str,
        client_request_id: str | None = None,
        *,
        headers: HeaderPairs = (),
        params_at: Origin | None = None,
        anonymous: bool = False,
        cookies: tuple[str, ...] = (),
    ) -> Awaitable[Answer | RequestFailure]:
        """Send one request without a body, a poll or a cancel request.

        Args:
            method: "GET", "POST" or "DELETE".
            url: absolute; sent unchanged, but for `params_at`.
            client_request_id: the `x-ms-client-request-id` header; None for none.
            headers: further headers of this request, in place of the client's own of the same names.
            params_at: the origin to whose URLs the client's default query parameters are added (rule 45).
            anonymous: whether to send nothing of the client's auth, headers, cookies, params and event hooks (rule 9).
                The other arguments are left out then.
            cookies: of the operation, each as `name=value`, beside those of the client (rule 52). No cookie of the
                answer is stored in the client.
        """
        ...

    def build_initial(
        self, method: str, url: str, arguments: Mapping[str, object], timeout_s: float | None = None
    ) -> InitialRequest:
        """Build an initial request, with a client request id. Sends nothing.

        Args:
            method: the HTTP method.
            url: absolute, or relative to the client's base URL.
            arguments: the keywords of `BeginOptions` that describe the request, such as `json` and `auth`.
            timeout_s: the time limit of the whole request in seconds; None for that of the transport.

        Raises:
            ValueError: the arguments do not make a request.
            TypeError: the library does not accept the auth.
        """
        ...

    def send_initial(self, request: InitialRequest) -> Awaitable[Answer | RequestFailure]:
        """Send an initial request. The head of a 2xx is an answer even if its body is incomplete (rule 53).

        No cookie of the answer is stored in the client (rule 52).
        """
        ...

    def answer_from(self, response: InitialResponse) -> tuple[Answer, str | None]:
        """Convert a response that the caller received into an answer and the client request id of its request.

        Raises:
            TypeError: the argument is not a response.
            ValueError: the response has no request, or its body was not read.
        """
        ...

    def response_from(self, answer: Answer) -> ResponseT_co:
        """Convert an answer into a response; its request has no headers and therefore no credential."""
        ...

    def abort(self, task_id: int | None = None) -> None:
        """End the poll of one task as if its time limit had passed; or those of all tasks, and release all timers.

        Args:
            task_id: as in `anyio.TaskInfo`; None for all tasks.
        """
        ...


def poll_next(transport: Transport[HTTPResponse], state: Pending) -> Awaitable[Answer | RequestFailure]:
    """Send the next request of a pending state."""
    if is_anonymous(state):
        return transport.poll("GET", state.next_request.url, anonymous=True)
    plan = state.plan
    if plan.request_options.cookies:
        return _poll_with_cookies(transport, state)
    return transport.poll(
        "GET",
        str(state.next_request.kept_url),
        plan.client_request_id,
        headers=plan.request_options.poll_headers,
        params_at=plan.url_policy.initial,
    )


def send_query(
    transport: Transport[HTTPResponse], url: str, body: Mapping[str, object]
) -> Awaitable[Answer | RequestFailure]:
    """Send a POST with a JSON body that only reads; no redirect is followed.

    Raises:
        ValueError: the body is no JSON.
    """
    return transport.send_initial(transport.build_initial("POST", url, {"json": body, "follow_redirects": False}))


def _poll_with_cookies(transport: Transport[HTTPResponse], state: Pending) -> Awaitable[Answer | RequestFailure]:
    """Send the next request of a state with the cookies that the operation has for its URL (rule 52)."""
    plan, url = state.plan, state.next_request.url
    options, policy = plan.request_options, plan.url_policy
    return transport.poll(
        "GET",
        url,
        plan.client_request_id,
        headers=options.poll_headers,
        params_at=policy.initial,
        cookies=cookies_for(options.cookies, url, policy.parse),
    )
