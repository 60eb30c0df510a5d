"""Writes the page of known failures from the cases: `python -m tests.proofs.peers.failures --write`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.proofs.peers.failures.failure_cases import CASES
from tests.support.repository import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.proofs.peers.failures.failure_case import Case

PAGE = ROOT / "docs" / "peer-failures.md"

_HEAD = """\
# Failures of other clients

Other clients of Azure's long-running operations are known for {cases} failures, from their issues and from runs. Each
failure is one or more scenarios, played in virtual time with azpoll and with the real azure-core 1.41.0
(azure-mgmt-core 1.6.0). Both are used as documented. azure-core has the policies of a generated management client and
their defaults, azpoll its own defaults.

The tests assert every cell of the two columns, so they fail for a cell that is no longer true:
`pytest tests/proofs/peers/failures` (the last row: `tests/proofs/sockets`). The command
`python -m tests.proofs.peers.failures --write` writes this page from the cases.

azpoll serves its caller well in all {scenarios} scenarios. azure-core does so in {right}, marked ✓. If a client in
another language failed, the last column names it. azure-core is shown in any case. A cell shows what the library
reports to its caller, true or not. For azure-core "Failed" is its `status()`; its exception also holds the last answer
and the status code. The GETs are all that were sent until then, the final GET included.

| what goes wrong | what the server did | azpoll | azure-core 1.41 | elsewhere |
|---|---|---|---|---|
"""

_CHURN = """\
| The connection pool stops working after requests were cancelled | forty tasks begin to wait and are cancelled, two\
 thousand times in all; then five more requests are sent | 5 of 5 are answered | ✓ 5 of 5 are answered (over aiohttp)\
 | plain httpx 0.28.1 (httpcore 1.0.9; its #1093): after one thousand, 0 of 5 are answered; httpx2 2.16.2: 5 of 5 |
"""
"""`tests/proofs/sockets/test_cancel_churn.py` asserts this row over real sockets."""

_TAIL = """

The table does not show two strengths of azure-core. An awaiter may be cancelled at any step and await again, for one
more request at worst. No credential leaves over plain http. azure-core also obeys a Retry-After of thirty days, which
is its right. ARM's contract names 10 to 600 seconds, and azpoll polls at least once an hour.
"""


def page() -> str:
    """Return the text of the page."""
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
