"""A program that uses trackers, step by step; it knows what it did, and so what may come of it."""

from __future__ import annotations

import asyncio
import math
import traceback
from typing import TYPE_CHECKING

import pytest

import azpoll
from tests.proofs.lifecycle.operation_handles import VERDICTS, Handle, Waiter, Work, ending_of
from tests.proofs.lifecycle.recording_transport import Wire
from tests.proofs.lifecycle.simulated_world import LATENCY_S, SUBSCRIPTIONS, World
from tests.proofs.lifecycle.skewed_clocks import STEP_BORNE_S, TICK_S
from tests.proofs.lifecycle.tracker_task import Room
from tests.proofs.lifecycle.waiter_tasks import cancel, check_canceled, wait
from tests.proofs.stack.random_operations import ORIGIN
from tests.support.canary import CANARY
from tests.support.clients import new_client

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from azpoll.options import TrackingOptions
    from tests.proofs.lifecycle.operation_strategies import Draft
    from tests.proofs.lifecycle.tracker_task import Exit, Leaving
    from tests.proofs.lifecycle.waiter_tasks import Kind


class Program:
    """One run of a program.

    Args:
        world: in which it runs.
        between: may stand between its trackers and the service.

    Attributes:
        rooms: all its trackers, those that were left included.
        stuck: those that could not be left in good order when all had ended.
        works: all that it began.
        handles: on them, in order.
        texts: whatever azpoll said.
    """

    def __init__(
        self, world: World, between: Callable[[httpx.AsyncBaseTransport], httpx.AsyncBaseTransport] | None = None
    ) -> None:
        self.world = world
        self._between = between
        self.rooms: list[Room] = []
        self.stuck: list[Room] = []
        self.works: list[Work] = []
        self.handles: list[Handle] = []
        self.texts: list[str] = []

    # Trackers

    @property
    def open_rooms(self) -> list[Room]:
        """Trackers that are not left for good."""
        return [room for room in self.rooms if not room.closed]

    @property
    def closed_rooms(self) -> list[Room]:
        """Trackers that are."""
        return [room for room in self.rooms if room.closed]

    def open(self, on_exit: Exit) -> Room:
        """Enter a tracker, with a client and a credential of its own."""
        world = self.world
        inner = world.arm.transport()
        wire = Wire(world.arm, inner if self._between is None else self._between(inner), world.clocks.loop_s)

        async def enter() -> Room:
            room = Room(wire, on_exit)
            await room.open(world.issuer)
            return room

        room = world.run(enter())
        self.rooms.append(room)
        return room

    def leave(self, room: Room, how: Leaving) -> None:
        """Leave a tracker; it may take its time."""
        if how != "in good order" or room.on_exit == "stop":
            for handle in self.handles:
                handle.may_stop |= handle.room is room
        self.world.inside(lambda: room.leave(how))

    def use_closed(self, room: Room) -> None:
        """Try to use a tracker that was left."""

        def resume() -> None:
            with pytest.raises(azpoll.TrackerClosed):
                room.tracker.resume("x")

        self.world.inside(resume)

    # Operations

    @property
    def newest(self) -> list[Handle]:
        """The newest handle of each operation that has begun."""
        return [work.handles[-1] for work in self.works if work.handles]

    @property
    def waiting(self) -> list[Waiter]:
        """Those that wait."""
        return [waiter for handle in self.handles for waiter in handle.waiters if not waiter.told and not waiter.left]

    def begin(self, room: Room, *drafts: Draft) -> None:
        """Begin operations, all at once and each in a task of its own, and give them the time that it usually takes."""
        for draft in drafts:
            self._begin_one(room, draft)
        self.world.let_pass(2 * LATENCY_S)

    def _begin_one(self, room: Room, draft: Draft) -> None:
        number = len(self.works)
        path = f"/subscriptions/s{number % SUBSCRIPTIONS}/resourceGroups/g/providers/Microsoft.Test/widgets/w{number}"
        work = Work(path, draft, room, self.world.clocks.loop_s())
        work.may_be_refused = self.world.issuer.refuses
        self.world.scripts[path] = draft.script
        self.works.append(work)
        work.beginning = self.world.inside(lambda: asyncio.create_task(self._begin(work)))

    async def _begin(self, work: Work) -> azpoll.AsyncOperation[httpx.Response] | azpoll.AzpollError:
        draft, tracker = work.draft, work.room.tracker
        url = f"{ORIGIN}{work.path}?api-version=1&sig={CANARY}"
        options: TrackingOptions = {
            "cancel_url": _cancel_url(work),
            "timeout": draft.timeout,
            "result": draft.result,
        }
        headers = {"Authorization": f"Bearer {self.world.issuer.valid}"}
        try:
            if not draft.by_hand:
                return await tracker.begin(draft.method, url, json={}, **options)
            async with new_client(transport=self.world.arm.transport()) as client:
                response = await client.request(draft.method, url, json={}, headers=headers)
            return tracker.track(response, **options)
        except azpoll.AzpollError as error:
            return error

    def resume(self, work: Work, room: Room) -> None:
        """Take an operation up again: from the token that was kept, or as one more handle where it is tracked.

        The latter not while it may be asked: two handles whose answers are not the same ask each for itself.
        """
        self.world.let_pass(TICK_S)  # in which what is due is sent
        self.look()
        tracked = next((handle for handle in work.tracked if handle.room is room), None)
        if tracked is None and (work.tracked or work.token is None):
            return
        if tracked is not None and room.tracker.statistics().in_flight:
            return

        def resume() -> azpoll.AsyncOperation[httpx.Response]:
            token = work.token if tracked is None else tracked.operation.resume_token()
            assert token is not None
            return room.tracker.resume(token, cancel_url=_cancel_url(work), result=work.draft.result)

        try:
            operation = self.world.inside(resume)
        except azpoll.TrackerClosed:
            assert room.leaving
            return
        work.token = None
        self._add(work, room, operation, math.inf)

    def wait_for(self, handle: Handle, kind: Kind) -> Waiter:
        """Wait for an operation, in a task of its own."""
        waiter = Waiter()
        waiter.task = self.world.inside(lambda: asyncio.create_task(wait(handle.operation, waiter, kind, self.texts)))
        handle.waiters.append(waiter)
        return waiter

    def leave_waiting(self, waiter: Waiter) -> None:
        """Cancel one that waits."""
        task = waiter.task
        assert task is not None
        if not task.done():
            waiter.left = True
            self.world.inside(task.cancel)

    def cancel(self, handle: Handle) -> None:
        """Ask the service to cancel an operation, in a task of its own."""
        handle.cancels.append(self.world.inside(lambda: asyncio.create_task(cancel(handle))))

    def until_asked(self, handle: Handle) -> None:
        """Let the time pass until a request for an operation is under way, if none holds it up."""
        at = handle.operation.snapshot().next_poll
        if at is not None and not handle.room.closed:
            self.world.let_pass(max(0.0, at.timestamp() - self.world.clocks.wall_s()) + LATENCY_S / 2)

    def stop(self, handle: Handle) -> None:
        """Stop tracking an operation here."""
        handle.may_stop = True
        self.world.inside(handle.operation.stop_tracking)

    # What came of it

    def note_refusals(self) -> None:
        """Note for whom there is no valid credential now."""
        for work in self.works:
            work.may_be_refused |= self.world.issuer.refuses
        for handle in self.handles:
            handle.may_be_refused |= self.world.issuer.refuses

    def keep_tokens_anew(self) -> None:
        """Make the kept tokens again that a clock made which was too far behind."""
        error_s = self.world.clocks.error_s
        for work in self.works:
            if work.token is not None and error_s - work.token_error_s > STEP_BORNE_S:
                work.token, work.token_error_s = self.world.inside(work.handles[-1].operation.resume_token), error_s

    def look(self) -> None:
        """Note what has begun and what has ended since the last look."""
        for work in self.works:
            if work.beginning is not None and work.beginning.done():
                self._begun(work, work.beginning.result())
        for handle in self.handles:
            if handle.ending is None and handle.operation.done():
                self._ended(handle)
            while handle.cancels and handle.cancels[-1].done():
                check_canceled(handle, handle.cancels.pop().result())

    def _begun(self, work: Work, begun: azpoll.AsyncOperation[httpx.Response] | azpoll.AzpollError) -> None:
        work.beginning = None
        if isinstance(begun, azpoll.AsyncOperation):
            [work.fake] = [fake for fake in self.world.arm.operations.values() if fake.path == work.path]
            self._add(work, work.room, begun, work.asked_s + (work.draft.timeout or math.inf))
            return
        self.texts += traceback.format_exception(begun)
        if isinstance(begun, azpoll.TrackerClosed):
            assert work.room.leaving, begun
        else:
            assert isinstance(begun, azpoll.InitialRequestFailed), begun
            assert work.may_be_refused, begun

    def _add(self, work: Work, room: Room, operation: azpoll.AsyncOperation[httpx.Response], until_s: float) -> None:
        handle = Handle(len(self.handles), work, room, operation, self.world.clocks.true_s(), until_s, room.leaving)
        handle.may_be_refused = self.world.issuer.refuses
        operation.add_done_callback(handle.called)
        work.handles.append(handle)
        self.handles.append(handle)

    def _ended(self, handle: Handle) -> None:
        """Note how a handle ended; a token is kept unless there was a verdict, made outside the loop if that may be."""
        call = _outside if handle.room.closed else self.world.inside
        work = handle.work
        handle.ended_s = self.world.clocks.true_s()
        handle.ending = call(lambda: ending_of(handle.operation))
        if handle.ending not in VERDICTS and not work.tracked:
            work.token, work.token_error_s = call(handle.operation.resume_token), self.world.clocks.error_s


def _outside(function: Callable[[], str]) -> str:
    return function()


def _cancel_url(work: Work) -> str:
    return f"{ORIGIN}{work.path}/cancel?api-version=1"
