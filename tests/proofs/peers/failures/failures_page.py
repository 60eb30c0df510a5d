"""The page that is made of the cases: `python -m tests.proofs.peers.failures --write`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.proofs.peers.failures.failure_cases import CASES
from tests.support.repository import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.proofs.peers.failures.failure_case import Case

PAGE = ROOT / "docs" / "peer-failures.md"

_HEAD = """\
# What other clients fail at

{cases} failures that other clients of Azure's long-running operations are known for, from their issues and from running
them, each as a scenario that is played with azpoll and with the real azure-core 1.41.0 (azure-mgmt-core 1.6.0) in
virtual time. Both are used as their documentation says: azure-core with the policies of a generated management client
and their defaults, azpoll with its own defaults. The tests assert every cell of the two columns, so a cell that is no
longer true fails them: `pytest tests/proofs/peers/failures` (the last row: `tests/proofs/sockets`). The page is made of
the cases (`python -m tests.proofs.peers.failures --write`).

azpoll serves its caller well in all {scenarios} scenarios, azure-core in {right}, marked ✓. Where a peer of another
language failed, the last column names it; azure-core is shown all the same. "Failed" is what the library tells its
caller, whether or not it is true: azure-core's `status()`, beside an exception that does hold the last answer and its
status code. GETs are those sent until then, the final GET included.

| what goes wrong | what the server did | azpoll | azure-core 1.41 | elsewhere |
|---|---|---|---|---|
"""

_CHURN = """\
| The connection pool is dead for good after requests were cancelled | forty tasks begin to wait and are cancelled, two\
 thousand times in all; then five more requests are sent | 5 of 5 are answered | ✓ 5 of 5 are answered (over aiohttp)\
 | plain httpx 0.28.1 (httpcore 1.0.9; its #1093): after one thousand, 0 of 5 are answered; httpx2 2.16.2: 5 of 5 |
"""
"""Over real sockets: `tests/proofs/sockets/test_cancel_churn.py` asserts it."""

_TAIL = """
What azure-core does well and this table does not show: an awaiter may be cancelled at any step and await again, at the
price of one request at worst; and no credential leaves over plain http. A Retry-After of thirty days it takes at its
word, as is its right; ARM's contract knows 10 to 600 seconds, and azpoll asks at least once an hour.
"""


def page() -> str:
    """Return the whole page."""
    scenarios = [scenario for case in CASES for scenario in case.scenarios]
    right = 1 + sum(scenario.core_is_right for scenario in scenarios)
    head = _HEAD.format(cases=len(CASES) + 1, scenarios=len(scenarios) + 1, right=right)
    return head + "".join(row for case in CASES for row in _rows(case)) + _CHURN + _TAIL


def _rows(case: Case) -> Iterator[str]:
    title, evidence = case.title, case.evidence
    for scenario in case.scenarios:
        mark = "✓ " if scenario.core_is_right else ""
        yield f"| {title} | {scenario.server} | {scenario.azpoll} | {mark}{scenario.azure_core} | {evidence} |\n"
        title = evidence = ""
