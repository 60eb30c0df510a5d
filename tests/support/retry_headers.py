"""Answers with retry headers: any values of them, readable or not."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime

from hypothesis import strategies as st

from azpoll.protocol.answer import Answer

NOON = datetime(2024, 11, 6, 12, 0, 0, tzinfo=UTC)

VALUES = st.one_of(
    st.text(st.characters(), max_size=30),
    st.integers().map(str),
    st.integers(1, 420).map(lambda digits: "9" * digits),
    st.floats().map(str),
    st.datetimes(timezones=st.just(UTC)).map(lambda moment: format_datetime(moment, usegmt=True)),
    st.datetimes().map(lambda moment: moment.strftime("Friday, %d-Feb-%y %H:%M:%S GMT")),
    st.datetimes().map(lambda moment: moment.strftime("Fri Feb %d %H:%M:%S %Y")),
)
NAMES = st.sampled_from(["retry_after_ms", "x_ms_retry_after_ms", "retry_after", "date"])


def answer(received_at: datetime = NOON, /, **headers: str) -> Answer:
    """Return an answer with these headers; `_` stands for `-`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(202, named, b"", "https://management.azure.com/op", received_at, 0.0)
