"""A canary: a secret that stands in queries, headers and bodies and must never be shown."""

from __future__ import annotations

import traceback

CANARY = "k4n4ry-0f-g0ld"


def shown_by(error: BaseException) -> str:
    """Return the text that a log, a console or a crash report shows of an exception and its causes."""
    parts = [str(error), repr(error), *map(str, error.args), *traceback.format_exception(error)]
    cause: BaseException | None = error
    while cause is not None:
        parts += [str(cause), repr(cause)]
        cause = cause.__cause__ or cause.__context__
    return "\n".join(parts)
