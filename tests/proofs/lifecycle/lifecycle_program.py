"""A program that uses trackers step by step. It records its actions, which determine the valid ends."""

from __future__ import annotations

import asyncio
import math
import traceback
from typing import TYPE_CHECKING

import pytest

import azpoll
from azpoll.protocol import resume_token as tokens
from azpoll.protocol.patterns import BY_NAME
from tests.proofs.lifecycle.environment import CLIENT_HEADER, LATENCY_S, SUBSCRIPTIONS, Environment
from tests.proofs.lifecycle.operation_handles import VERDICTS, Handle, KeptToken, RemoteOperation, Waiter, ending_of
from tests.proofs.lifecycle.recording_transport import RecordingTransport
from tests.proofs.lifecycle.skewed_clocks import TICK_S, TOLERATED_LAG_S
from tests.proofs.lifecycle.tracker_holder import TrackerHolder
from tests.proofs.lifecycle.waiter_tasks import cancel, check_canceled, wait
from tests.proofs.stack.random_operations import ORIGIN
from tests.support.canary import CANARY
from tests.support.clients import new_client

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from azpoll.options import TrackingOptions
    from tests.proofs.lifecycle.operation_strategies import Draft
    from tests.proofs.lifecycle.tracker_holder import Exit, Leaving
    from tests.proofs.lifecycle.waiter_tasks import Kind


class Program:
    """One run of a program.

    Args:
        environment: its machine and service.
        wrap_transport: wraps the transport between its trackers and the service.

    Attributes:
        holders: the holders of its trackers, closed ones included.
        stuck: holders whose tracker did not close although every operation had ended.
        lost: handles that did not end although every operation had ended.
        remotes: the operations that it has begun.
        handles: the handles on them, in the order of their creation.
        texts: every text of azpoll.
    """

    def __init__(
        self,
        environment: Environment,
        wrap_transport: Callable[[httpx.AsyncBaseTransport], httpx.AsyncBaseTransport] | None = None,
    ) -> None:
        self.environment = environment
        self._wrap_transport = wrap_transport
        self.holders: list[TrackerHolder] = []
        self.stuck: list[TrackerHolder] = []
        self.lost: list[Handle] = []
        self.remotes: list[RemoteOperation] = []
        self.handles: list[Handle] = []
        self.texts: list[str] = []

    # Trackers

    @property
    def open_holders(self) -> list[TrackerHolder]:
        """Holders of open trackers."""
        return [holder for holder in self.holders if not holder.closed]

    @property
    def closed_holders(self) -> list[TrackerHolder]:
        """Holders of closed trackers."""
        return [holder for holder in self.holders if holder.closed]

    def open(self, on_exit: Exit) -> TrackerHolder:
        """Enter a tracker with its own client and credential."""
        environment = self.environment
        inner = environment.arm.transport()
        transport = RecordingTransport(
            inner if self._wrap_transport is None else self._wrap_transport(inner),
            environment.clocks.loop_s,
            self._has_ended,
        )

        async def enter() -> TrackerHolder:
            holder = TrackerHolder(transport, on_exit)
            await holder.open(environment.issuer)
            return holder

        holder = environment.run(enter())
        self.holders.append(holder)
        return holder

    def leave(self, holder: TrackerHolder, how: Leaving) -> None:
        """Start to leave a tracker."""
        if how != "normally" or holder.on_exit == "stop":
            for handle in self.handles:
                handle.may_stop |= handle.holder is holder
        self.environment.inside(lambda: holder.leave(how))

    def use_closed(self, holder: TrackerHolder) -> None:
        """Try to use a closed tracker."""

        def resume() -> None:
            with pytest.raises(azpoll.TrackerClosed):
                holder.tracker.resume("x")

        self.environment.inside(resume)

    # Operations

    @property
    def usable(self) -> list[Handle]:
        """The handles of each operation that have not ended, or else its newest one."""
        return [handle for remote in self.remotes for handle in remote.tracked or remote.handles[-1:]]

    @property
    def waiting(self) -> list[Waiter]:
        """The tasks that still wait."""
        return [
            waiter for handle in self.handles for waiter in handle.waiters if not waiter.ends and not waiter.cancelled
        ]

    def begin(self, holder: TrackerHolder, *drafts: Draft) -> None:
        """Begin operations concurrently, each in its own task, and wait for the usual latency."""
        for draft in drafts:
            self._begin_one(holder, draft)
        self.environment.advance(2 * LATENCY_S)

    def _begin_one(self, holder: TrackerHolder, draft: Draft) -> None:
        number = len(self.remotes)
        path = f"/subscriptions/s{number % SUBSCRIPTIONS}/resourceGroups/g/providers/Microsoft.Test/widgets/w{number}"
        remote = RemoteOperation(path, draft, holder, self.environment.clocks.loop_s())
        remote.may_be_refused = self.environment.issuer.refuses
        self.environment.scripts[path] = draft.script
        self.remotes.append(remote)
        remote.beginning = self.environment.inside(lambda: asyncio.create_task(self._begin(remote)))

    async def _begin(self, remote: RemoteOperation) -> azpoll.AsyncOperation[httpx.Response] | azpoll.AzpollError:
        draft, tracker = remote.draft, remote.holder.tracker
        url = f"{ORIGIN}{remote.path}?api-version=1&sig={CANARY}"
        options: TrackingOptions = {
            "cancel_url": _cancel_url(remote),
            "timeout": draft.timeout,
            "result": draft.result,
        }
        headers = {CLIENT_HEADER: remote.next_name}
        try:
            if not draft.by_hand:
                return await tracker.begin(draft.method, url, json={}, headers=headers, **options)
            headers["Authorization"] = f"Bearer {self.environment.issuer.valid}"
            async with new_client(transport=self.environment.arm.transport()) as client:
                response = await client.request(draft.method, url, json={}, headers=headers)
            return tracker.track(response, **options)
        except azpoll.AzpollError as error:
            return error

    def resume(self, remote: RemoteOperation, holder: TrackerHolder) -> None:
        """Resume an operation from its kept token, or as a second handle if the tracker tracks it already.

        A second handle is not made while a request is in flight: its token would not know the answer to it.
        """
        self.environment.advance(TICK_S)  # sends the polls that are due
        self.observe()
        tracked = next((handle for handle in remote.tracked if handle.holder is holder), None)
        if tracked is None and (remote.tracked or remote.token is None):
            return
        if tracked is not None and holder.tracker.statistics().in_flight:
            return

        def resume() -> tuple[azpoll.AsyncOperation[httpx.Response], float]:
            kept = remote.token if tracked is None else KeptToken(tracked.operation.resume_token(), tracked, 0.0)
            assert kept is not None
            token = _renamed(kept, remote.next_name)
            operation = holder.tracker.resume(token, cancel_url=_cancel_url(remote), result=remote.draft.result)
            return operation, self._until_s(token)

        try:
            operation, until_s = self.environment.inside(resume)
        except azpoll.TrackerClosed:
            assert holder.leaving
            return
        remote.token = None
        self._add(remote, holder, operation, until_s)

    def _until_s(self, token: str) -> float:
        """Return the loop time of a token's deadline, which is a time of the wall clock (rule 42)."""
        deadline, clocks = tokens.decode(token).deadline, self.environment.clocks
        return math.inf if deadline is None else clocks.loop_s() + max(deadline - clocks.wall_s(), 0.0) - 0.001

    def wait_for(self, handle: Handle, kind: Kind) -> Waiter:
        """Await an operation in its own task."""
        waiter = Waiter()
        waiter.task = self.environment.inside(
            lambda: asyncio.create_task(wait(handle.operation, waiter, kind, self.texts))
        )
        handle.waiters.append(waiter)
        return waiter

    def cancel_waiter(self, waiter: Waiter) -> None:
        """Cancel a task that waits."""
        task = waiter.task
        assert task is not None
        if not task.done():
            waiter.cancelled = True
            self.environment.inside(task.cancel)

    def cancel(self, handle: Handle) -> None:
        """Send a cancel request in a new task."""
        handle.cancels.append(self.environment.inside(lambda: asyncio.create_task(cancel(handle))))

    def advance_to_next_poll(self, handle: Handle) -> None:
        """Advance the time until the next poll of the operation is in flight, unless the poll is delayed."""
        at = self.environment.inside(handle.operation.snapshot).next_poll
        if at is not None and not handle.holder.closed:
            self.environment.advance(max(0.0, at.timestamp() - self.environment.clocks.wall_s()) + LATENCY_S / 2)

    def stop(self, handle: Handle) -> None:
        """Stop tracking an operation."""
        handle.may_stop = True
        self.environment.inside(handle.operation.stop_tracking)

    # Results

    def mark_refusals(self) -> None:
        """Mark all operations if no valid credential is available."""
        for remote in self.remotes:
            remote.may_be_refused |= self.environment.issuer.refuses
        for handle in self.handles:
            handle.may_be_refused |= self.environment.issuer.refuses

    def renew_kept_tokens(self) -> None:
        """Replace the kept tokens that were made while the wall clock was too far behind."""
        error_s = self.environment.clocks.error_s
        for remote in self.remotes:
            if remote.token is not None and error_s - remote.token.error_s > TOLERATED_LAG_S:
                handle = remote.token.handle
                text = self.environment.inside(handle.operation.resume_token)
                remote.token = KeptToken(text, handle, error_s)

    def observe(self) -> None:
        """Record the operations that have begun or ended since the last call."""
        for remote in self.remotes:
            if remote.beginning is not None and remote.beginning.done():
                self._begun(remote, remote.beginning.result())
        for handle in self.handles:
            if handle.ending is None and handle.operation.done():
                self._ended(handle)
            while handle.cancels and handle.cancels[-1].done():
                check_canceled(handle, handle.cancels.pop().result())

    def _begun(
        self, remote: RemoteOperation, started: azpoll.AsyncOperation[httpx.Response] | azpoll.AzpollError
    ) -> None:
        remote.beginning = None
        if isinstance(started, azpoll.AsyncOperation):
            [remote.fake] = [fake for fake in self.environment.arm.operations.values() if fake.path == remote.path]
            self._add(remote, remote.holder, started, remote.asked_s + (remote.draft.timeout or math.inf))
            return
        self.texts += traceback.format_exception(started)
        if isinstance(started, azpoll.TrackerClosed):
            assert remote.holder.leaving, started
        else:
            assert isinstance(started, azpoll.InitialRequestFailed), started
            assert remote.may_be_refused, started

    def _add(
        self,
        remote: RemoteOperation,
        holder: TrackerHolder,
        operation: azpoll.AsyncOperation[httpx.Response],
        until_s: float,
    ) -> None:
        begun_s = self.environment.clocks.true_s()
        handle = Handle(
            len(self.handles), remote.next_name, remote, holder, operation, begun_s, until_s, holder.leaving
        )
        handle.may_be_refused = self.environment.issuer.refuses
        operation.add_done_callback(handle.called)
        remote.handles.append(handle)
        self.handles.append(handle)

    def _ended(self, handle: Handle) -> None:
        """Record the end of a handle. Without a terminal state of the service its resume token is kept."""
        call = _call if handle.holder.closed else self.environment.inside
        remote = handle.remote
        handle.ended_s = self.environment.clocks.true_s()
        handle.ending = call(lambda: ending_of(handle.operation))
        if handle.ending not in VERDICTS and not remote.tracked:
            text = call(handle.operation.resume_token)
            remote.token = KeptToken(text, handle, self.environment.clocks.error_s)

    def _has_ended(self, name: str) -> bool:
        return any(handle.operation.done() for handle in self.handles if handle.name == name)


def _call(function: Callable[[], str]) -> str:
    return function()


def _cancel_url(remote: RemoteOperation) -> str:
    """Return the cancel URL of the next handle."""
    return f"{ORIGIN}{remote.path}/cancel?api-version=1&handle={remote.next_name}"


def _renamed(kept: KeptToken, name: str) -> str:
    """Return the token for a handle of another name, whose audit starts with the answers that the token knows."""
    fake = kept.handle.remote.fake
    assert fake is not None
    token = tokens.decode(kept.text)
    fake.audits[name] = fake.audit_of(kept.handle.name).resumed(knows_end=token.pattern not in BY_NAME)
    return tokens.encode(token._replace(client_request_id=name))
