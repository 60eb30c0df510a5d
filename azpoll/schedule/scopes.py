"""The queues of all scopes. Each scope waits for its own token bucket, so a throttled one never delays another."""

from __future__ import annotations

import math
from itertools import count, pairwise
from typing import TYPE_CHECKING, Generic, NamedTuple
from urllib.parse import unquote

from azpoll.protocol.answer import Answer
from azpoll.protocol.delay import DelayLimits
from azpoll.protocol.throttling import (
    TOO_MANY_REQUESTS,
    Throttle,
    ThrottleLevel,
    provider_remaining,
    remaining,
    throttle_of,
)
from azpoll.schedule.due_heap import DueHeap
from azpoll.schedule.job import QueuedT
from azpoll.schedule.scope_queue import ProviderQueue, ScopeQueue
from azpoll.schedule.token_bucket import SCARCE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from azpoll.protocol.answer import RequestFailure
    from azpoll.protocol.throttling import Counted
    from azpoll.schedule.budget import Budget
    from azpoll.schedule.job import Priority
    from azpoll.schedule.scope_queue import ScopeStatistics

COLLECTIONS_KEPT = 1024
"""Number of collections whose provider queue is cached: all URLs of a collection have the same one."""

PROVIDER_QUEUES_KEPT = 1024
"""Number of provider queues kept in any case; beyond it idle ones are dropped."""

LONGEST_PAUSE_S = DelayLimits().cap
"""The longest time that a 429 closes a scope or provider, whatever its `Retry-After` (rule 35)."""

RECHECK_S = 0.001
"""A scope that was ready and had no request after all is checked again after 1 ms."""

_DEFAULT_PORTS = {"http": "80", "https": "443"}

_NAMING = ("subscriptions", "providers", "locations")


class Scope(NamedTuple):
    """The unit of a read limit of ARM: a subscription, or else a tenant, at one origin, for one principal.

    Attributes:
        origin: scheme, host and port, in one spelling: lower case, without the default port.
        subscription: lower case; empty for the tenant, and for services that are not ARM.
        principal: the caller's own label of the identity that reads; ARM counts each by itself.
    """

    origin: str
    subscription: str
    principal: str

    def __str__(self) -> str:
        return " ".join(filter(None, (self.origin, self.subscription, self.principal)))


def scope_of(url: str, principal: str) -> tuple[Scope, str]:
    """Return the scope of a URL, and its sub-scope: `namespace/location`, lower case, empty where unknown.

    The path of a gateway may stand before `/subscriptions/S`. A provider may not: management groups have subscriptions.
    The last provider namespace in the path counts, as does the location after it:
    `/subscriptions/S/providers/Microsoft.Compute/locations/westeurope/operations/O`.
    """
    scheme, _, rest = url.partition("?")[0].lower().partition("://")
    authority, _, path = rest.partition("/")
    if "%" in path:
        path = unquote(path).lower()
    parts = [part for part in path.split("/") if part] if "//" in path or path[:1] == "/" else path.split("/")
    subscription = namespace = location = ""
    for name, value in pairwise(parts):
        if name == "subscriptions" and not (subscription or namespace):
            subscription = value
        elif name == "providers":
            namespace, location = value, ""
        elif name == "locations":
            location = value
    return Scope(_origin(scheme, authority), subscription, principal), f"{namespace}/{location}" if namespace else ""


def _origin(scheme: str, authority: str) -> str:
    """Return an origin in lower case in the one spelling of all URLs that name it.

    `:0443` and `:443` are the same, and so is a host with a dot at its end. User information names no origin.
    """
    host, colon, port = authority.rpartition("@")[2].rpartition(":")
    if not colon or port.endswith("]"):  # the colons of an IPv6 address are no colons before a port
        return f"{scheme}://{(host + colon + port).rstrip('.')}"
    host, port = host.rstrip("."), port.lstrip("0")
    return f"{scheme}://{host}" if port in {"", _DEFAULT_PORTS.get(scheme)} else f"{scheme}://{host}:{port}"


def names_scopes(collection: str) -> bool:
    """Whether URLs right beneath this one may fall under different read limits."""
    return unquote(collection.rpartition("/")[2]).lower() in _NAMING


class ScopeQueues(Generic[QueuedT]):
    """The queues of one scheduler by scope.

    Args:
        budget: of each scope; None without limits.
        numbers: rising numbers of the entries, shared by all queues that a request moves between.
        counted: the kind of requests that the budget counts.
    """

    def __init__(self, budget: Budget | None, numbers: Iterator[int], counted: Counted = "reads") -> None:
        self._numbers = numbers
        self._budget = budget
        self._principal = "" if budget is None else budget.principal
        self._counted: Counted = counted
        self._scope_queues: dict[Scope, ScopeQueue[QueuedT]] = {}
        self._provider_queues: dict[tuple[Scope, str], ProviderQueue[QueuedT]] = {}
        self._by_collection: dict[str, ProviderQueue[QueuedT]] = {}
        self._kept = PROVIDER_QUEUES_KEPT
        self._next_tokens: DueHeap[ScopeQueue[QueuedT]] = DueHeap(count(1))  # scopes with requests, by their next token
        self.waiting = 0

    def queue_for(self, url: str, now_s: float) -> ProviderQueue[QueuedT]:
        """Return the provider queue of a URL."""
        collection = url.partition("?")[0].rpartition("/")[0]
        if collection in self._by_collection:
            return self._by_collection[collection]
        key = scope_of(url, self._principal)
        provider_queue = self._provider_queues.get(key)
        if provider_queue is None:
            if len(self._provider_queues) >= self._kept:
                self._drop_idle(now_s)
            scope, sub_scope = key
            budget, name = self._budget, f"{self._counted} {scope}"
            if scope not in self._scope_queues:
                bucket = None if budget is None else budget.bucket(now_s, name)
                self._scope_queues[scope] = ScopeQueue(str(scope), bucket)
            bucket = None if budget is None else budget.provider_bucket(sub_scope, now_s, name)
            provider_queue = self._provider_queues[key] = ProviderQueue(self._scope_queues[scope], bucket)
        if not names_scopes(collection):
            if len(self._by_collection) >= COLLECTIONS_KEPT:
                self._by_collection.clear()
            self._by_collection[collection] = provider_queue
        return provider_queue

    def add(self, job: QueuedT, provider_queue: ProviderQueue[QueuedT], now_s: float) -> None:
        """Queue a due request until its scope and provider have a token."""
        self.waiting += 1
        scope_queue = provider_queue.scope_queue
        if scope_queue.add(job, provider_queue, next(self._numbers)):
            next_s = scope_queue.next_of(provider_queue, now_s)
            if not scope_queue.heap_entry or next_s < scope_queue.due_s:
                self._wake_at(scope_queue, next_s)

    def move(self, job: QueuedT, provider_queue: ProviderQueue[QueuedT], before: Priority, now_s: float) -> None:
        """Queue a waiting request by its new priority; `before` is the one it had."""
        scope_queue = provider_queue.scope_queue
        scope_queue.add(job, provider_queue, next(self._numbers))
        scope_queue.forget(provider_queue, before)
        self._wake_at(scope_queue, scope_queue.next_s(now_s))

    def withdraw(self, job: QueuedT, provider_queue: ProviderQueue[QueuedT]) -> None:
        """Remove a waiting request."""
        job.heap_entry = 0
        self.waiting -= 1
        provider_queue.scope_queue.forget(provider_queue, job.priority)

    def take(self, now_s: float) -> tuple[QueuedT, ProviderQueue[QueuedT]] | None:
        """Remove the next request that may be sent now and take its tokens; scopes with tokens take turns."""
        while (scope_queue := self._next_tokens.take(now_s)) is not None:
            taken = scope_queue.take(now_s)
            if taken is None:
                self._wake_at(scope_queue, max(scope_queue.next_s(now_s), now_s + RECHECK_S))
                continue
            self.waiting -= 1
            if scope_queue.waiting:
                self._next_tokens.put(scope_queue, scope_queue.next_s(now_s))
            return taken
        return None

    def next_s(self) -> float | None:
        """Return the earliest time at which `take` may return a request; None while none waits."""
        return self._next_tokens.next_s()

    def on_answer(
        self,
        provider_queue: ProviderQueue[QueuedT],
        outcome: Answer | RequestFailure,
        now_s: float,
        sent_s: float = math.inf,
        sender: object = None,
    ) -> Throttle | None:
        """Adapt the buckets to what an answer says about limits (rule 54); return the throttle of a 429.

        Args:
            provider_queue: of the answered request, which still counts as in flight.
            outcome: the answer, or a failure that may have one.
            now_s: the time of the answer.
            sent_s: when the request was sent.
            sender: the object that the request was sent for, such as a job.
        """
        head = outcome if isinstance(outcome, Answer) else outcome.head
        if head is None:
            return None
        scope_queue = provider_queue.scope_queue
        if scope_queue.bucket is not None and (left := remaining(head, self._counted)) is not None:
            scope_queue.bucket.limit_to(left, now_s, sent_s, sender)
        if head.status_code == TOO_MANY_REQUESTS:
            throttle = throttle_of(head)
            scope_queue.throttled += 1
            if self._budget is not None:
                self._back_off(provider_queue, throttle, self._budget, now_s, sender)
            return throttle
        if self._budget is not None and (left := provider_remaining(head, self._counted)) is not None:
            self._limit_provider(provider_queue, left, self._budget, now_s, sent_s=sent_s, sender=sender)
        return None

    def statistics(self, now_s: float) -> tuple[ScopeStatistics, ...]:
        """Return the statistics of each scope that is kept: of very many, idle ones are dropped."""
        return tuple(scope_queue.statistics(now_s) for scope_queue in self._scope_queues.values())

    def _drop_idle(self, now_s: float) -> None:
        """Drop idle queues. The next time comes when their number has doubled, so the cost per queue is constant."""
        self._by_collection.clear()
        self._provider_queues = {
            key: provider_queue
            for key, provider_queue in self._provider_queues.items()
            if not provider_queue.is_idle(now_s)
        }
        in_use = {provider_queue.scope_queue for provider_queue in self._provider_queues.values()}
        self._scope_queues = {
            scope: scope_queue
            for scope, scope_queue in self._scope_queues.items()
            if scope_queue in in_use or not scope_queue.is_idle(now_s)
        }
        self._kept = max(PROVIDER_QUEUES_KEPT, 2 * len(self._provider_queues))

    def _limit_provider(
        self,
        provider_queue: ProviderQueue[QueuedT],
        left: int,
        budget: Budget,
        now_s: float,
        *,
        sent_s: float,
        sender: object,
    ) -> None:
        """Slow a provider that reports few requests left; none left are a 429 that has not come yet.

        The service may not have counted the other requests in flight, so these are taken off.
        """
        spare = left - max(provider_queue.in_flight - 1, 0)
        if provider_queue.bucket is None and spare < SCARCE:
            provider_queue.limit(budget.discovered_bucket(now_s))
        bucket = provider_queue.bucket
        if bucket is not None and bucket.limit_to(spare, now_s, sent_s, sender) and left == 0:
            bucket.back_off(now_s, None, budget.decrease_factor, sender)

    def _back_off(
        self, provider_queue: ProviderQueue[QueuedT], throttle: Throttle, budget: Budget, now_s: float, sender: object
    ) -> None:
        """Close the bucket that a 429 concerns for its Retry-After, and decrease its rate; a lock concerns none."""
        scope_queue = provider_queue.scope_queue
        bucket = scope_queue.bucket if throttle.level is ThrottleLevel.SCOPE else None
        if throttle.level is ThrottleLevel.PROVIDER:
            if provider_queue.bucket is None:
                provider_queue.limit(budget.discovered_bucket(now_s))
            bucket = provider_queue.bucket
        if bucket is not None:
            retry_after_s = throttle.retry_after_s
            wait_s = None if retry_after_s is None else min(retry_after_s, LONGEST_PAUSE_S)
            bucket.back_off(now_s, wait_s, budget.decrease_factor, sender)
            self._wake_at(scope_queue, scope_queue.next_s(now_s))

    def _wake_at(self, scope_queue: ScopeQueue[QueuedT], wake_s: float) -> None:
        """Set the time at which `take` looks at a scope; infinite if no request waits there."""
        if wake_s < math.inf:
            self._next_tokens.put(scope_queue, wake_s)
        else:
            self._next_tokens.withdraw(scope_queue)
