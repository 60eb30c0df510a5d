"""Threat T10: a JSON object that is too costly to parse is read nowhere, and is legal only as the result."""

from __future__ import annotations

import pytest

from azpoll.protocol.arm_error import ServiceError, read_error
from azpoll.protocol.json_body import BodyProblem, is_costly
from azpoll.protocol.states import Fetching, Succeeded, UnknownReason
from tests.support.protocol_rows import RESOURCE, Reply, accepted, plan, polling, reply, resource, run, run_from

RUNNING = b'{"status":"Running","properties":{"provisioningState":"Updating"},"x":[%s1]}' % (b"[[]]," * 200_000)
COSTLY = Reply(200, RUNNING)
LIST = Reply(200, b"[%s1]" % (b"[[]]," * 200_000))


MIB = 2**20


@pytest.mark.parametrize(
    ("marks", "body_size", "costly"),
    [
        # Memory: 30 MiB, or 21 times the body.
        ({"[": 162_900}, 0, False),
        ({"{": 163_000}, 0, True),
        ({",": 1_258_000}, 0, False),
        ({",": 1_259_000}, 0, True),
        ({"[": 100_000, ":": 296_000}, 0, False),
        ({"[": 100_000, ":": 297_000}, 0, True),
        ({"[": 228_000}, 2 * MIB, False),
        ({"[": 229_000}, 2 * MIB, True),
        # Time: 0.4 s.
        ({"[": 1_142_857}, 99 * MIB, False),
        ({"{": 1_142_858}, 99 * MIB, True),
        ({",": 8_000_000}, 99 * MIB, False),
        ({",": 8_000_001}, 99 * MIB, True),
        ({":": 571_428}, 99 * MIB, False),
        ({":": 571_429}, 99 * MIB, True),
    ],
)
def test_t10_the_cost_of_a_text_is_estimated_from_its_marks(
    marks: dict[str, int], body_size: int, *, costly: bool
) -> None:
    assert is_costly("".join(mark * count for mark, count in marks.items()), body_size) is costly


@pytest.mark.parametrize(("body", "why"), [(COSTLY, BodyProblem.COSTLY.value), (LIST, "it is not a status document")])
def test_t10_a_costly_status_is_malformed(body: Reply, why: str) -> None:
    """It is polled again as any other failure."""
    unknown = run_from(polling(), *[body] * 16).unknown
    assert unknown.reason is UnknownReason.MALFORMED
    assert unknown.detail.startswith(why)


def test_t10_a_costly_object_at_a_location_or_the_resource_is_malformed() -> None:
    """It may say that the operation still runs."""
    for initial in (accepted(Location="/l"), resource("Creating", 201)):
        end = run(plan(), initial, *[COSTLY] * 16).unknown
        assert end.reason is UnknownReason.MALFORMED
        assert BodyProblem.COSTLY.value in end.detail


def test_t10_a_costly_list_at_a_location_is_the_result() -> None:
    """A list has no status."""
    assert run(plan("POST"), accepted(Location="/l"), LIST).outcome is Succeeded


@pytest.mark.parametrize("body", [COSTLY, LIST])
def test_t10_a_costly_body_of_the_final_get_is_the_result(body: Reply) -> None:
    """It needs no reading."""
    end = run_from(polling(), reply(200, {"status": "Succeeded"}), body)
    assert isinstance(end.states[-2], Fetching)
    assert end.outcome is Succeeded


def test_t10_a_costly_error_has_its_start_as_text() -> None:
    error = read_error(Reply(409, RUNNING).to(RESOURCE, 0.0))
    assert isinstance(error, ServiceError)
    assert error.error.code is None
    assert error.raw == RUNNING[: 64 * 1024].decode()
