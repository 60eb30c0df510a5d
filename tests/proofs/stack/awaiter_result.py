"""The result of awaiting an operation, and its text."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

import azpoll

if TYPE_CHECKING:
    from collections.abc import Awaitable


async def end_and_text(waiting: Awaitable[object]) -> tuple[str, str]:
    """Return the end of an operation as a word, and the text of its result or error."""
    try:
        return "succeeded", repr(await waiting)
    except azpoll.OperationFailed as error:
        return "failed", "".join(traceback.format_exception(error))
    except azpoll.OperationCanceled as error:
        return "canceled", "".join(traceback.format_exception(error))
    except azpoll.AzpollError as error:
        return type(error).__name__, "".join(traceback.format_exception(error))
