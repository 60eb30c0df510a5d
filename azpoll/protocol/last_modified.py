"""Whether a resource was modified after an initial request was sent whose answer is not known (rule 53).

ARM writes `systemData.lastModifiedAt` with the clock of the service. The time of the sending is known on the event
loop's clock alone. Each answer has both times, so their difference gives the sending on the service's clock.
"""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta

from azpoll.protocol.json_body import object_in, text_member
from azpoll.protocol.reading import Reading
from azpoll.protocol.retry_after import server_date

MARGIN = timedelta(seconds=3)
"""By how much the sending is assumed later where the two clocks differ or may differ.

`Date` is in whole seconds, and an ordinary answer takes up to 2 s from its `Date` until it is received.
"""

SLOWEST_ANSWER = timedelta(seconds=120)
"""The time that an answer may take from its `Date` until it is received, if the two clocks agree."""

_RFC_3339 = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})"


def is_modified_since(sent_s: float | None, reading: Reading, document: Mapping[str, object] | None) -> bool:
    """Whether `systemData.lastModifiedAt` is after the sending of a request at the monotonic `sent_s`.

    False where one of the two times is not known, and where the clocks leave a doubt.
    """
    data = None if document is None else object_in(document.get("systemData"))
    modified = rfc3339_time(text_member(data, "lastModifiedAt") or "")
    if sent_s is None or modified is None:
        return False
    age_s = max(reading.at_s - sent_s, 0.0)
    try:
        return modified > _service_time(reading) - timedelta(seconds=age_s)
    except OverflowError:
        return False


def rfc3339_time(text: str) -> datetime | None:
    """Return the time that RFC 3339 text names, in whole microseconds; None for any other text."""
    text = text.upper()
    if not re.fullmatch(_RFC_3339, text):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _service_time(reading: Reading) -> datetime:
    """Return the time of an answer on the service's clock, or a later one.

    `Date` counts, unless it differs from the client's own time by no more than an answer may take: that time is exact.
    """
    received, date = reading.outcome.received_at, server_date(reading.outcome)
    if date is not None and timedelta() <= received - date <= SLOWEST_ANSWER:
        return received
    return (date or received) + MARGIN
