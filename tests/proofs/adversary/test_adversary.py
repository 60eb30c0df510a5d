"""R17: no hostile server hurts another operation, whatever its answers combine."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.proofs.adversary.adversary_client import HTTP_2_LIBRARIES, LIBRARIES
from tests.proofs.adversary.answer_costs import costs, report
from tests.proofs.adversary.game import GameOptions, GameResult
from tests.proofs.adversary.judgement import findings, judged
from tests.support.scale import scaled

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.proofs.adversary.adversary_client import GameLibrary

SEEDS = scaled(push=1, nightly=300)
ANSWERS = scaled(push=8, nightly=3000)
HOSTILE = scaled(push=60, nightly=500)
SECONDS = scaled(push=4, nightly=20)

EACH_LIBRARY = pytest.mark.parametrize("library", [*LIBRARIES, *HTTP_2_LIBRARIES])


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(SEEDS))
@EACH_LIBRARY
def test_t19_no_hostile_server_hurts_another_operation(library: GameLibrary, seed: int) -> None:
    verdict = asyncio.run(judged(GameOptions(str(seed), library, SECONDS, hostile=HOSTILE)))
    assert not verdict.broken, str(verdict)


@pytest.mark.slow
@EACH_LIBRARY
def test_t21_a_hostile_answer_costs_at_most_1_s_of_cpu_and_25_times_its_size(library: GameLibrary) -> None:
    measured = asyncio.run(costs("1", library, range(ANSWERS)))
    assert [report("1", library, cost) for cost in measured if cost.broken()] == []


def found(
    ledger: Mapping[str, object] | None = None, conduct: Mapping[str, object] | None = None, **result: object
) -> list[str]:
    """Return the findings of a game in which everything else is in order."""
    seen = GameResult(ends={"0-0": "succeeded", "1-0": "TrackerClosed"}, begin_s=[0.1], closed_s=5.0, cpu_s=1.0)
    for name, value in result.items():
        setattr(seen, name, value)
    sent: dict[str, object] = {
        "answers": 3,
        "claims": {"0-0": ["succeeded"]},
        "kinds": {},
        "foreign": 0,
        "cookies": [],
        "crossed": [],
        "early": [],
        "waited_s": 0.0,
    }
    judged_by_service: dict[str, object] = {
        "broken": [],
        "repeated": [],
        "lateness_s": [0.1] * 10,
        "cookies": [],
        "waited_s": 0.0,
    }
    return findings(seen, {**sent, **(ledger or {})}, {**judged_by_service, **(conduct or {})})


def test_a_game_in_order_has_no_findings() -> None:
    assert found() == []


def test_a_poll_whose_answer_was_not_read_may_be_repeated() -> None:
    """It was ended by its time limit, or for others; the answer was on its way."""
    unread = {"b1": [9.9, 10.4], "g1": [9.9]}
    ledger = {"early": [("b1", 10.0, 10.3, 0.1)]}
    assert found(ledger=ledger, conduct={"repeated": [("g1", 10.0, 10.3, "early")]}, read_s=unread) == []


def test_a_second_answer_that_crosses_a_request_may_be_its_answer() -> None:
    ends, bystanders = {"0-0": "failed"}, {1: "failed"}
    assert len(found(ends=ends, bystanders=bystanders)) == 2
    assert found(ends=ends, bystanders=bystanders, ledger={"crossed": ["h0-0", "b1"]}) == []


def test_each_broken_invariant_is_found() -> None:
    assert "which no whole answer said" in found(ledger={"claims": {"0-0": ["failed"]}})[0]
    assert "which no whole answer said" in found(ledger={"claims": {}})[0]
    assert "foreign origin" in found(ledger={"foreign": 1})[0]
    assert "cookie" in found(ledger={"cookies": ["a=b"]})[0]
    assert "cookie" in found(conduct={"cookies": ["a=b"]})[0]
    assert "bystander 1" in found(bystanders={1: "failed"})[0]
    early, read = [("b1", 10.0, 10.3, 0.1)], {"b1": [10.1], "g1": [10.1]}
    assert "1 early polls" in found(ledger={"early": early}, read_s=read)[0]
    assert found(conduct={"repeated": [("g1", 10.0, 10.3, "0.2 s early")]}, read_s=read) == ["0.2 s early"]
    assert "late at p99" in found(conduct={"lateness_s": [0.1] * 50 + [30.0]})[0]
    assert found(conduct={"broken": ["polls sent too early"]}) == ["polls sent too early"]
    assert found(broken=["healthy operation 1 was lost"]) == ["healthy operation 1 was lost"]
    assert found(conduct={"lateness_s": [30.0], "waited_s": 9.0}, ledger={"waited_s": 8.0}, waited_s=4.0) == []
    assert "begin" in found(begin_s=[11.0])[0]
    assert "held" in found(held_s=3.0)[0]
    assert "CPU" in found(cpu_s=100.0)[0]
    assert "close" in found(closed_s=20.0)[0]
