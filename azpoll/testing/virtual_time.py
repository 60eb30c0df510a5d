"""Virtual time: an asyncio event loop with a virtual clock, and helpers to run code under it or under trio's.

No timer waits in real time: when no callback is ready, the clock jumps to the earliest timer. So `asyncio.sleep(3600)`
returns immediately, timeouts fire in their exact order, and a run is deterministic.
"""

from __future__ import annotations

import asyncio
import math
import random
import selectors
from functools import partial
from typing import TYPE_CHECKING, Literal, Protocol, TypeVar, TypeVarTuple

import anyio

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Awaitable, Callable

    from _typeshed import FileDescriptorLike

T = TypeVar("T")
Args = TypeVarTuple("Args")

_HANG_GRACE_S = 1.0


class VirtualTimeHang(RuntimeError):
    """The program hangs: no callback is ready, no timer is set, and no thread reports within one real second."""


class SocketsForbidden(RuntimeError):
    """A socket or pipe was used in a loop that forbids them; its peer would not share the virtual time."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """An asyncio event loop in virtual time; a `loop_factory` for `asyncio.Runner` and anyio.

    The loop waits for the result of a worker thread only while no timer is set; timers do not wait for threads.
    """

    # Attributes of BaseEventLoop, declared here because its type stubs omit them.
    _ready: deque[asyncio.Handle]
    _scheduled: list[asyncio.TimerHandle]
    _clock_resolution: float

    def __init__(self, *, start_s: float = 0.0, seed: int | None = None, allow_sockets: bool = False) -> None:
        """Create a loop.

        Args:
            start_s: initial value of `time()`, in seconds.
            seed: shuffles the callbacks that are ready together, in the same way for the same seed, to find hidden
                dependencies on their order. It excludes `allow_sockets`, because asyncio's transports depend on it.
            allow_sockets: whether sockets may be used; only for peers in this same loop.

        Raises:
            ValueError: `seed` together with `allow_sockets`.
        """
        self._now_s = start_s
        self._random = None if seed is None else random.Random(seed)  # noqa: S311 - not for secrets
        selector = _JumpingSelector(self)
        super().__init__(selector)
        if seed is not None and allow_sockets:
            self.close()
            raise ValueError("a seed cannot be used with sockets: asyncio's transports rely on the order of callbacks")
        selector.forbids_sockets = not allow_sockets  # the loop has registered its own wake-up pipe by now

    def time(self) -> float:
        """Return the virtual time in seconds."""
        return self._now_s

    def stall(self, seconds: float) -> None:
        """Advance the clock without running any callback, as blocking code or a suspended machine does.

        Under trio, `trio.testing.MockClock.jump` does the same.
        """
        self._now_s += max(seconds, 0.0)

    def shuffle_ready(self) -> None:
        """Shuffle the callbacks that are ready, if a seed was given."""
        if self._random is not None and len(self._ready) > 1:
            handles = list(self._ready)
            self._random.shuffle(handles)
            self._ready.clear()
            self._ready.extend(handles)

    def jump(self) -> bool:
        """Set the clock exactly to the earliest timer, or just after it where floats are too coarse to compare.

        Returns whether there is such a timer; an infinite one, as `anyio.sleep_forever` sets, does not count.
        """
        when_s = self._scheduled[0].when() if self._scheduled else math.inf
        if math.isinf(when_s):
            return False
        comparable = when_s + self._clock_resolution > when_s  # the loop runs timers below time() + resolution
        self._now_s = max(self._now_s, when_s if comparable else math.nextafter(when_s, math.inf))
        return True

    def hang_error(self) -> VirtualTimeHang:
        """Return the error for a hang, with the tasks that wait."""
        waiting = [f"{task.get_name()}: {task.get_coro()!r}" for task in asyncio.all_tasks(self)]
        return VirtualTimeHang("\n  ".join(["nothing is ready and no timer is set; the waiting tasks:", *waiting]))


class _JumpingSelector(selectors.DefaultSelector):
    """Selects events without waiting; where the loop would wait, it advances the loop's clock instead."""

    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop
        self.forbids_sockets = False

    def register(self, fileobj: FileDescriptorLike, events: int, data: object = None) -> selectors.SelectorKey:
        if self.forbids_sockets:
            raise SocketsForbidden("this virtual loop forbids sockets; see allow_sockets")
        return super().register(fileobj, events, data)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        found = super().select(0)
        if found or (timeout is not None and timeout <= 0):
            self._loop.shuffle_ready()
            return found
        if timeout is not None and self._loop.jump():
            return found
        found = super().select(_HANG_GRACE_S)
        if not found:
            raise self._loop.hang_error()
        return found


def virtual_backend(
    name: str = "asyncio", *, start_s: float = 0.0, seed: int | None = None, allow_sockets: bool = False
) -> tuple[str, dict[str, object]]:
    """Return an anyio backend in virtual time, for an `anyio_backend` fixture; each call makes a new clock.

    Args:
        name: "asyncio" or "trio".
        start_s: see `VirtualLoop`; asyncio only.
        seed: see `VirtualLoop`; asyncio only.
        allow_sockets: see `VirtualLoop`; trio always allows sockets, and its clock does not wait for them.

    Raises:
        ValueError: another name, or an option that trio does not have.
    """
    if name == "asyncio":
        factory = partial(VirtualLoop, start_s=start_s, seed=seed, allow_sockets=allow_sockets)
        return name, {"loop_factory": factory}
    if name != "trio":
        raise ValueError(f"no such backend: {name}")
    if start_s or seed is not None:
        raise ValueError("start_s and seed are for asyncio only")
    import trio.testing  # noqa: PLC0415 - optional, and slow to import

    return name, {"clock": trio.testing.MockClock(autojump_threshold=0)}


class VirtualRunner(Protocol):
    """The type of `run_virtual` and of the `virtual_time` fixture."""

    def __call__(
        self,
        main: Callable[[*Args], Awaitable[T]],
        *args: *Args,
        backend: Literal["asyncio", "trio"] = "asyncio",
        start_s: float = 0.0,
        seed: int | None = None,
        allow_sockets: bool = False,
    ) -> T:
        """Run an async function in virtual time and return its result."""
        ...


def run_virtual(
    main: Callable[[*Args], Awaitable[T]],
    *args: *Args,
    backend: Literal["asyncio", "trio"] = "asyncio",
    start_s: float = 0.0,
    seed: int | None = None,
    allow_sockets: bool = False,
) -> T:
    """Run an async function in virtual time and return its result.

    Args:
        main: the function.
        *args: its positional arguments.
        backend: the async library.
        start_s: see `virtual_backend`.
        seed: see `virtual_backend`.
        allow_sockets: see `virtual_backend`.

    Raises:
        VirtualTimeHang: the function waits for an event that cannot happen (asyncio).
    """
    name, options = virtual_backend(backend, start_s=start_s, seed=seed, allow_sockets=allow_sockets)
    return anyio.run(main, *args, backend=name, backend_options=dict(options))
