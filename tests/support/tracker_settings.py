"""The settings of a tracker whose client is at the origin of a `ScriptedTransport`."""

from __future__ import annotations

import math
from random import Random
from typing import TYPE_CHECKING

import azpoll
from azpoll.protocol.delay import DelayLimits
from azpoll.schedule.due_time import DueTimes
from azpoll.tracking.origins import checked_url_policy
from azpoll.tracking.settings import TrackerSettings
from tests.support.scripted_transport import ORIGIN, PlainURL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from azpoll.protocol.url_policy import ParsedURL


def tracker_settings(
    allowed_origins: Iterable[str] = (),
    *,
    parse_url: Callable[[str], ParsedURL] = PlainURL,
    token_key: bytes | None = None,
) -> TrackerSettings:
    """Return the settings of a tracker that has the defaults but for these arguments."""
    return TrackerSettings(
        base_url=ORIGIN,
        url_policy=checked_url_policy(allowed_origins, (), None, ORIGIN, parse_url),
        delay_limits=DelayLimits(),
        timeout_s=math.inf,
        token_key=token_key,
        max_in_flight=(4, 20, 100),
        budget=azpoll.Budget(),
        due_times=DueTimes(Random(1)),  # noqa: S311 - seeded
        keep_failures=True,
        journal=None,
    )
