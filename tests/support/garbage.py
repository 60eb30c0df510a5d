"""Garbage collection at the end of a test, for the warnings of its unclosed objects."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator


@contextmanager
def garbage_collected() -> Generator[None]:
    """Collect the garbage of the block at its end, so that its objects emit their warnings."""
    gc.collect()
    yield
    gc.collect()
