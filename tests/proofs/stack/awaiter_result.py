"""What those who await an operation are told, and all the text that they see."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

import azpoll

if TYPE_CHECKING:
    from collections.abc import Awaitable


async def told_of(waiting: Awaitable[object]) -> tuple[str, str]:
    """Return how it ended, in a word, and the text of the result or the error."""
    try:
        return "succeeded", repr(await waiting)
    except azpoll.OperationFailed as error:
        return "failed", "".join(traceback.format_exception(error))
    except azpoll.OperationCanceled as error:
        return "canceled", "".join(traceback.format_exception(error))
    except azpoll.AzpollError as error:
        return type(error).__name__, "".join(traceback.format_exception(error))
