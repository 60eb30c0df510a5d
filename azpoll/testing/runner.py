"""`VirtualRunner`: the type of the `virtual_time` fixture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol, TypeVar, TypeVarTuple

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")
Args = TypeVarTuple("Args")


class VirtualRunner(Protocol):
    """Runs an async function in virtual time, as `run_virtual` does."""

    def __call__(
        self,
        main: Callable[[*Args], Awaitable[T]],
        *args: *Args,
        backend: Literal["asyncio", "trio"] = "asyncio",
        start_s: float = 0.0,
        seed: int | None = None,
        allow_sockets: bool = False,
    ) -> T:
        """Run it and return what it returns."""
        ...
