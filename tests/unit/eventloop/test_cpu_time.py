"""`needed_cpu_time`: the used CPU time, and the time for which the thread waited for a processor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from azpoll.eventloop.cpu_time import needed_cpu_time

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "needed_s"),
    [("7000000000 2500000000 12\n", 5.5), ("0 0 0\n", 3.0), ("", 3.0), ("7000000000\n", 3.0), ("a b c\n", 3.0)],
)
def test_the_time_without_a_processor_is_added_where_it_is_known(tmp_path: Path, text: str, needed_s: float) -> None:
    statistics = tmp_path / "schedstat"
    statistics.write_text(text, encoding="ascii")
    assert needed_cpu_time(str(statistics), lambda: 3.0) == needed_s


def test_a_system_without_the_statistics_has_the_used_time(tmp_path: Path) -> None:
    assert needed_cpu_time(str(tmp_path / "absent"), lambda: 3.0) == 3.0


def test_the_time_of_this_process_rises() -> None:
    before_s = needed_cpu_time()
    assert sum(range(100_000))
    assert needed_cpu_time() > before_s >= 0
