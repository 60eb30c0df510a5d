"""R1: the protocol core under seeded faults; and the judge, who must find what is broken on purpose."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.proofs.simulation.broken_cores import BROKEN_CORES
from tests.proofs.simulation.core_driver import Core, play
from tests.proofs.simulation.core_invariants import judge
from tests.proofs.simulation.failure_shrinking import report
from tests.proofs.simulation.fault_scripts import Drawn, Written
from tests.proofs.simulation.ground_truth import RESOURCE, Truth, drawn
from tests.proofs.simulation.operation_history import Came, Ended, History, Sent
from tests.proofs.simulation.service_faults import FAULTS, INITIAL_FAULTS
from tests.proofs.simulation.simulated_service import at
from tests.proofs.simulation.simulation_campaign import campaign, chunk, randomness_of
from tests.support.scale import scaled

OPERATIONS = scaled(push=100_000, nightly=1_000_000)
"""Of each of two seeds; ten millions have a command of their own."""

SEED = 1


@pytest.mark.timeout(0)
@pytest.mark.parametrize("seed", [SEED, SEED + 1])
def test_no_invariant_is_broken(seed: int) -> None:
    """And the simulation is what it says: a third of the answers are faults, and operations end in every way."""
    total = campaign(seed, OPERATIONS)
    assert not total.failures, report(seed, total.failures[0].number)
    assert total.operations == OPERATIONS
    assert 0.25 < total.faults / total.requests < 0.4
    ends = {"Succeeded", "Failed", "Canceled", "EXHAUSTED", "MALFORMED", "NOT_FOUND", "FORBIDDEN", "UNTRUSTED"}
    assert total.ends.keys() == ends | {"UNAUTHENTICATED", "UNREACHABLE", "REFUSED", "NOT_STARTED", "TIMED_OUT"}


def test_a_seed_replays_byte_for_byte() -> None:
    first = campaign(SEED, 600, size=200)
    assert campaign(SEED, 600, processes=2, size=200).digest == first.digest
    assert campaign(SEED + 1, 600, size=200).digest != first.digest


@pytest.mark.parametrize("name", BROKEN_CORES)
def test_a_broken_core_is_found(name: str) -> None:
    """In far fewer operations than any run of the simulation has."""
    found, core = BROKEN_CORES[name]
    chunks = (chunk(SEED, first, 100, core).failures for first in range(0, 10_000, 100))
    assert any(failure.broken.startswith(found) for failures in chunks for failure in failures)


def test_a_failure_is_reported_with_a_short_script() -> None:
    found, core = BROKEN_CORES["gives up at once"]
    number = next(each.number for each in chunk(SEED, 0, 1_000, core).failures if each.broken.startswith(found))
    text = report(SEED, number, core)
    assert f"operation {number} of seed {SEED}: I1: lost for no reason" in text
    assert f"--seed {SEED} --only {number}" in text
    script = next(line for line in text.splitlines() if line.startswith("  script: "))
    assert script.count("503") == 1
    assert script.count("'") == 2, "one fault is enough to show it"


TRUTH = Truth(
    number=1, method="PUT", header="azure-asyncoperation", word="Succeeded", ending="succeeded", ends_at_s=0.0,
    via=None, wants="status", has_location=False, names_result=False, retry=0, initial=0, deadline_s=None,
)  # fmt: skip


def test_a_second_request_in_flight_is_found() -> None:
    """No core can make one alone; the judge finds it all the same (I5)."""
    said = INITIAL_FAULTS[0]
    first, second = Sent(0.0, 0.0, RESOURCE), Sent(1.0, 1.0, at("/op"))
    assert str(judge(TRUTH, [first, second])).startswith("I5: a second request")
    assert str(judge(TRUTH, [first, Came(0.0, said), Came(0.0, said)])).startswith("I5: an answer to no request")


def test_a_history_ends_once() -> None:
    ended = Ended(0.0, "Unknown", "NOT_STARTED")
    begun: History = [Sent(0.0, 0.0, RESOURCE), Came(0.0, INITIAL_FAULTS[0])]
    assert judge(TRUTH, [*begun, ended]) is None
    assert str(judge(TRUTH, [*begun, ended, ended])).startswith("I1: after its end")
    assert judge(TRUTH, begun) == "I1: it has no end"


def test_whoever_resumes_is_refused_again_only_what_was_refused_before() -> None:
    truth = replace(TRUTH, method="POST", wants="final", ends_at_s=100.0)
    *before, ended = play(truth, Written([None, "runs, foreign Location", "405"]), Core())
    assert isinstance(ended, Ended)
    assert (ended.reason, ended.resumed) == ("REFUSED", "UNTRUSTED")
    assert judge(truth, [*before, ended]) is None
    *before, trusted = play(truth, Written([None, "405"]), Core())
    assert isinstance(trusted, Ended)
    assert trusted.resumed == "Succeeded"
    assert str(judge(truth, [*before, trusted._replace(resumed="UNTRUSTED")])).startswith("I1: lost even when")


def test_faults_of_one_place_have_names_of_their_own() -> None:
    """Else a script could not say which is meant."""
    for faults in (*FAULTS.values(), INITIAL_FAULTS):
        assert len({said.name for said in faults}) == len(set(faults))


def test_what_was_drawn_can_be_written_down_and_played_again() -> None:
    for number in range(300):
        randomness = randomness_of(SEED, number)
        truth, script = drawn(number, randomness), Drawn(randomness)
        history = play(truth, script, Core())
        assert play(truth, Written(script.names), Core()) == history
