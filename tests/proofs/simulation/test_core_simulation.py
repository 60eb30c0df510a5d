"""R1: the protocol core under seeded faults, and the checker, which must find every deliberate defect."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.proofs.simulation.broken_cores import BROKEN_CORES
from tests.proofs.simulation.core_driver import Core, simulate
from tests.proofs.simulation.core_invariants import find_violation
from tests.proofs.simulation.failure_shrinking import report
from tests.proofs.simulation.fault_scripts import FixedScript, RandomScript
from tests.proofs.simulation.ground_truth import RESOURCE, Truth, random_truth
from tests.proofs.simulation.operation_history import Ended, History, Received, Sent
from tests.proofs.simulation.service_faults import FAULTS, INITIAL_FAULTS
from tests.proofs.simulation.simulated_service import at
from tests.proofs.simulation.simulation_campaign import campaign, chunk, randomness_of
from tests.support.scale import scaled

OPERATIONS = scaled(push=50_000, nightly=1_000_000)
"""Operations for each of two seeds. The command of the package simulates ten million."""

SEED = 1


@pytest.mark.slow
@pytest.mark.timeout(0)
@pytest.mark.parametrize("seed", [SEED, SEED + 1])
def test_no_invariant_is_broken(seed: int) -> None:
    """R1: no invariant breaks. A third of the answers are faults, and the operations end in every way."""
    total = campaign(seed, OPERATIONS)
    assert not total.failures, report(seed, total.failures[0].number)
    assert total.operations == OPERATIONS
    assert 0.25 < total.faults / total.requests < 0.4
    ends = {"Succeeded", "Failed", "Canceled", "EXHAUSTED", "MALFORMED", "NOT_FOUND", "FORBIDDEN", "UNTRUSTED"}
    assert total.ends.keys() == ends | {"UNAUTHENTICATED", "UNREACHABLE", "REFUSED", "NOT_STARTED", "TIMED_OUT"}


@pytest.mark.slow
def test_a_seed_replays_byte_for_byte() -> None:
    first = campaign(SEED, 600, size=200)
    assert campaign(SEED, 600, processes=2, size=200).digest == first.digest
    assert campaign(SEED + 1, 600, size=200).digest != first.digest


@pytest.mark.slow
@pytest.mark.parametrize("name", BROKEN_CORES)
def test_a_broken_core_is_found(name: str) -> None:
    """10,000 operations suffice to find each defect, fewer than any run of the simulation has."""
    found, core = BROKEN_CORES[name]
    chunks = (chunk(SEED, first, 100, core).failures for first in range(0, 10_000, 100))
    assert any(failure.broken.startswith(found) for failures in chunks for failure in failures)


def test_a_failure_is_reported_with_a_short_script() -> None:
    found, core = BROKEN_CORES["gives up too early"]
    number = next(each.number for each in chunk(SEED, 0, 1_000, core).failures if each.broken.startswith(found))
    text = report(SEED, number, core)
    assert f"operation {number} of seed {SEED}: I1: gave up without a reason" in text
    assert f"--seed {SEED} --only {number}" in text
    script = next(line for line in text.splitlines() if line.startswith("  script: "))
    assert script.count("503") == 1
    assert script.count("'") == 2, "one fault suffices"


TRUTH = Truth(
    number=1, method="PUT", header="azure-asyncoperation", word="Succeeded", ending="succeeded", ends_at_s=0.0,
    via=None, wants="status", has_location=False, names_result=False, retry=0, initial=0, deadline_s=None,
)  # fmt: skip


def test_a_second_request_in_flight_is_found() -> None:
    """No core can send two requests at a time by itself; the checker finds them all the same (I5)."""
    reply = INITIAL_FAULTS[0]
    first, second = Sent(0.0, 0.0, RESOURCE), Sent(1.0, 1.0, at("/op"))
    assert str(find_violation(TRUTH, [first, second])).startswith("I5: a second request")
    assert str(find_violation(TRUTH, [first, Received(0.0, reply), Received(0.0, reply)])).startswith(
        "I5: an answer to no request"
    )


def test_a_history_ends_once() -> None:
    ended = Ended(0.0, "Unknown", "NOT_STARTED")
    started: History = [Sent(0.0, 0.0, RESOURCE), Received(0.0, INITIAL_FAULTS[0])]
    assert find_violation(TRUTH, [*started, ended]) is None
    assert str(find_violation(TRUTH, [*started, ended, ended])).startswith("I1: after its end")
    assert find_violation(TRUTH, started) == "I1: it has no end"


def test_a_resumed_operation_is_refused_only_urls_that_were_refused_before() -> None:
    truth = replace(TRUTH, method="POST", wants="final", ends_at_s=100.0)
    *before, ended = simulate(truth, FixedScript([None, "runs, foreign Location", "405"]), Core())
    assert isinstance(ended, Ended)
    assert (ended.reason, ended.resumed) == ("REFUSED", "UNTRUSTED")
    assert find_violation(truth, [*before, ended]) is None
    *before, trusted = simulate(truth, FixedScript([None, "405"]), Core())
    assert isinstance(trusted, Ended)
    assert trusted.resumed == "Succeeded"
    assert str(find_violation(truth, [*before, trusted._replace(resumed="UNTRUSTED")])).startswith(
        "I1: unknown although"
    )


def test_the_faults_of_a_url_have_unique_names() -> None:
    """Otherwise a script would be ambiguous."""
    for faults in (*FAULTS.values(), INITIAL_FAULTS):
        assert len({reply.name for reply in faults}) == len(set(faults))


def test_a_random_script_can_be_replayed_from_its_names() -> None:
    for number in range(300):
        randomness = randomness_of(SEED, number)
        truth, script = random_truth(number, randomness), RandomScript(randomness)
        history = simulate(truth, script, Core())
        assert simulate(truth, FixedScript(script.names), Core()) == history
