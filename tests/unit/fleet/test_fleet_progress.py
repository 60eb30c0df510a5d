"""Workers store the percentage of each operation, and why its last poll failed, with their heartbeats."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from azpoll import JournalRow
from azpoll.testing import Reply
from tests.support.fleet_work import quick_arm, responses_of, service, working
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from azpoll.fleet import Fleet

pytestmark = pytest.mark.anyio

MOVING, BROKEN = Reply(200, {"status": "Moving", "percentComplete": 39.6}), Reply(503)


async def stored(fleet: Fleet) -> tuple[float | None, str | None]:
    """Return the percentage and the last error of the only open operation."""
    (entry,) = (await fleet.overview()).running
    assert isinstance(entry.row, JournalRow)
    return entry.row.percent, entry.row.last_error


@pytest.mark.slow
async def test_a_readable_answer_clears_the_error(fleet: Fleet) -> None:
    """Polls are repeated after 1 and 2 s."""
    async with service(quick_arm(duration_s=60, polls=[MOVING, BROKEN, BROKEN, MOVING])) as client:
        await fleet.submit(await responses_of(client, 1))
        async with working(fleet, client, lease_s=1.0):

            async def is_failing() -> bool:
                return await stored(fleet) == (40.0, "HTTP 503")

            async def is_moving() -> bool:
                return await stored(fleet) == (40.0, None)

            await eventually(is_failing)
            await eventually(is_moving)


async def test_the_next_worker_keeps_the_percentage(fleet: Fleet) -> None:
    """A worker that has read none replaces none, but its own error replaces that of the worker before."""
    async with service(quick_arm(duration_s=60, polls=[MOVING])) as client:
        await fleet.submit(await responses_of(client, 1))

        async def has_percentage() -> bool:
            return await stored(fleet) == (40.0, None)

        async with working(fleet, client, lease_s=1.0):
            await eventually(has_percentage)

    async def has_error() -> bool:
        percent, error = await stored(fleet)
        assert percent == 40.0
        return error is not None

    async with service(quick_arm()) as client, working(fleet, client, lease_s=1.0):  # 404: not its operation
        await eventually(has_error)
