"""The pause that the quota of Azure Resource Graph asks for."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from azpoll.protocol.query_quota import KEPT, LONGEST_S, QUOTA_REMAINING, QUOTA_RESETS_AFTER, WINDOW_S, query_pause
from tests.support.jobs import answer

NAMES = (QUOTA_REMAINING, QUOTA_RESETS_AFTER, "retry-after")


@pytest.mark.parametrize(
    ("remaining", "resets", "pause_s"),
    [
        ("14", "00:00:05", 0.0),
        (str(KEPT), "00:00:05", 0.0),
        (str(KEPT - 1), "00:00:03", 3.0),
        ("0", "00:01:00", 60.0),
        ("0", "00:00:00.5", 0.5),
        ("0", "99:00:00", LONGEST_S),
        ("0", "soon", WINDOW_S),
        ("-1", "00:00:03", 0.0),
        ("few", "00:00:03", 0.0),
    ],
)
def test_few_remaining_queries_are_left_to_others(remaining: str, resets: str, pause_s: float) -> None:
    headers = {QUOTA_REMAINING: remaining, QUOTA_RESETS_AFTER: resets}
    assert query_pause(answer(200, headers)) == pause_s


def test_a_429_waits_for_its_retry_after_else_for_the_window() -> None:
    assert query_pause(answer(429, {"retry-after": "7", QUOTA_RESETS_AFTER: "00:00:02"})) == 7.0
    assert query_pause(answer(429, {QUOTA_RESETS_AFTER: "00:00:02"})) == 2.0
    assert query_pause(answer(429, {})) == WINDOW_S
    assert query_pause(answer(429, {"retry-after": "99999999"})) == LONGEST_S


@given(st.integers(200, 599), st.dictionaries(st.sampled_from(NAMES), st.text("0123456789:.-e ä", max_size=9)))
@settings(max_examples=50)
def test_any_header_gives_a_finite_pause(status: int, headers: dict[str, str]) -> None:
    pause_s = query_pause(answer(status, headers))
    assert 0.0 <= pause_s <= LONGEST_S
    assert math.isfinite(pause_s)
