"""The response headers that azpoll keeps: those that a reader in this package declares beside its code."""

from __future__ import annotations

from azpoll.protocol import arm_error, json_body, reading, retry_after, throttling

KEPT_HEADERS = frozenset(
    (*reading.HEADERS, *retry_after.HEADERS, *throttling.HEADERS, *arm_error.HEADERS, *json_body.HEADERS)
)
"""Lower-case names. A transport drops every other header from `Answer.headers`."""
