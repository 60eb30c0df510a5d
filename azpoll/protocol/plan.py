"""The plan of an operation: everything that stays the same while it is tracked, but for its cookies."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Literal, NamedTuple, TypeAlias, get_args

from azpoll.protocol.delay import DelayLimits
from azpoll.protocol.patience import DEFAULT_PATIENCE, Patience
from azpoll.protocol.request_headers import HeaderPairs
from azpoll.protocol.status_document import NO_WORDS, Verdict
from azpoll.protocol.url_policy import Origin, RejectedURL, URLPolicy

Method: TypeAlias = Literal["PUT", "PATCH", "POST", "DELETE", "GET"]
METHODS: tuple[Method, ...] = get_args(Method)
"""The methods that start long-running operations."""

PatternName: TypeAlias = Literal["azure-async-operation", "operation-location", "location", "resource"]
"""The names by which a caller chooses a polling pattern (rule 47)."""


CancelMethod: TypeAlias = Literal["POST", "DELETE"]
"""The methods of a cancel request (rule 43)."""

MAX_WORDS = 256
"""The greatest number of `terminal_words`, and of the characters of each."""

MAX_PATH = 1024
"""The greatest length of `status_member`, in characters."""


def is_member_path(path: str) -> bool:
    """Whether a text is names of members with dots between them (rule 48)."""
    return len(path) <= MAX_PATH and all(map(str.strip, path.split(".")))


class FinalStateVia(StrEnum):
    """The place of the final result (`x-ms-long-running-operation-options`); rule 30."""

    AZURE_ASYNC_OPERATION = "azure-async-operation"
    OPERATION_LOCATION = "operation-location"
    LOCATION = "location"
    ORIGINAL_URI = "original-uri"


class Cookie(NamedTuple):
    """A cookie that a service set for one operation (rule 52).

    Attributes:
        origin: of the answer that set it; it is sent nowhere else, whatever its `Domain`.
        path: it is sent to URLs below this path.
        pair: `name=value`, printable ASCII.
    """

    origin: Origin
    path: str
    name: str
    pair: str

    def __repr__(self) -> str:  # without the value, which may be secret (rule 45)
        return "<Cookie>"


class RequestOptions(NamedTuple):
    """The options of one operation's own requests. Operations without any share `NO_REQUEST_OPTIONS`.

    Attributes:
        poll_headers: sent with each request of this operation but the initial one (rule 45).
        stored_headers: lower-case names of the poll headers that resume tokens hold (rule 42).
        cancel_url: as the caller named it; None for that of the pattern (rule 43).
        cookies: set by the answers so far, oldest first (rule 52); the only member that changes while the operation is
            tracked. Resume tokens do not hold them.
    """

    poll_headers: HeaderPairs = ()
    stored_headers: frozenset[str] = frozenset()
    cancel_url: str | None = None
    cancel_method: CancelMethod = "POST"
    cookies: tuple[Cookie, ...] = ()

    def __repr__(self) -> str:  # without values of headers and URLs, which may be secret (rule 45)
        return f"<RequestOptions: {len(self.poll_headers)} headers, {self.cancel_method} to cancel>"


NO_REQUEST_OPTIONS = RequestOptions()


class Plan(NamedTuple):
    """Everything that stays the same while an operation is tracked, but for its cookies.

    Attributes:
        method: of the initial request, upper case.
        resource_url: the URL of the initial request.
        final_state_via: None lets the method decide (rule 31).
        result: "status" asks for no final GET (rule 33).
        terminal_words: lower-case status words that end the operation besides Azure's own (rule 16).
        pattern: how the polling URL is read, whichever header names it; None lets the header decide (rule 47).
        status_member: dotted path of the member with the status word; None for Azure's own members (rule 48).
        patience: the bounds after which azpoll gives up (rules 25 to 27).
        sent_s: monotonic seconds of the first sending of an initial request that the service may have executed without
            an answer; None if its answer is known (rule 53).
        deadline_s: monotonic seconds of the overall deadline; None for none (rule 38).
        client_request_id: `x-ms-client-request-id` of the initial request, repeated on each poll (rule 45).
    """

    method: str
    resource_url: str
    url_policy: URLPolicy
    final_state_via: FinalStateVia | None = None
    result: Literal["final", "status"] = "final"
    terminal_words: Mapping[str, Verdict] = NO_WORDS
    delay_limits: DelayLimits = DelayLimits()
    patience: Patience = DEFAULT_PATIENCE
    deadline_s: float | None = None
    client_request_id: str | None = None
    pattern: PatternName | None = None
    status_member: str | None = None
    request_options: RequestOptions = NO_REQUEST_OPTIONS
    sent_s: float | None = None

    def __repr__(self) -> str:  # without the URL, whose query may be secret (rule 45)
        return f"<Plan of a {self.method}>"

    @property
    def changes_resource(self) -> bool:
        """Whether the initial request is a PUT or PATCH, so that the resource URL shows the result."""
        return self.method in {"PUT", "PATCH"}

    @property
    def deletes_until_gone(self) -> bool:
        """Whether the caller asked to follow a deletion at the resource, until it answers 404 (rule 6)."""
        return self.final_state_via is FinalStateVia.ORIGINAL_URI and self.method == "DELETE"

    def resolve(self, named: str, base: str) -> str | RejectedURL:
        """Return the absolute URL for one that the answer of `base` names, or its rejection."""
        return self.url_policy.resolve(named, base=base, resource_url=self.resource_url)

    def resolve_first(self, named: Sequence[str], base: str) -> tuple[int, str | RejectedURL]:
        """Return the index and the absolute URL of the first one that is not malformed, or its rejection (rule 8).

        If all are malformed, return the rejection of the first. There is at least one.
        """
        for index, each in enumerate(named):
            url = self.resolve(each, base)
            if not isinstance(url, RejectedURL) or not url.is_malformed:
                return index, url
        return 0, self.resolve(named[0], base)
