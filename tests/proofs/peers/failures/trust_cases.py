"""Cases in which another client sends a credential to a foreign host, or trusts a token."""

from __future__ import annotations

from azpoll.testing import Reply, Script, redirect, status_monitor
from tests.proofs.peers.failures import failure_scenarios
from tests.proofs.peers.failures.compared_library import FOREIGN
from tests.proofs.peers.failures.failure_case import Case, Scenario, script_of

_REFUSED = "UntrustedPollingURL, with a resume token; the other host was sent nothing"
_LEAKED = "Failed; the other host was sent 1 GET, WITH the credential"
_ELSEWHERE = f"{FOREIGN}/status"

FOREIGN_HOST = Case(
    "credential-for-a-foreign-host",
    "The bearer token is sent to any host that an answer or a token names",
    "core-lro hands the URL to the caller's pipeline; Python #48804",
    (
        Scenario(
            name="polling-header",
            server="the initial answer's `Azure-AsyncOperation` names another host",
            script=Script(initial=Reply(202, headers={"Azure-AsyncOperation": _ELSEWHERE})),
            run=failure_scenarios.end_and_foreign_requests,
            azpoll=f"Unknown: {_REFUSED}",
            azure_core=_LEAKED,
        ),
        Scenario(
            name="moved-location",
            server="a later answer's `Location` names another host",
            script=script_of(Reply(202, headers={"Location": _ELSEWHERE}, retry_after=10), pattern="location"),
            run=failure_scenarios.end_and_foreign_requests,
            azpoll=f"Unknown: {_REFUSED}",
            azure_core=_LEAKED,
        ),
        Scenario(
            name="resource-location",
            server="the status monitor ends with Succeeded, its `resourceLocation` names another host",
            script=script_of(Reply(200, {"status": "Succeeded", "resourceLocation": _ELSEWHERE})),
            run=failure_scenarios.end_and_foreign_requests,
            azpoll=f"Succeeded, but its result is unread: {_REFUSED}",
            azure_core=_LEAKED,
        ),
        Scenario(
            name="redirect",
            server="a poll is answered 302 to another host",
            script=script_of(redirect(_ELSEWHERE)),
            run=failure_scenarios.end_and_foreign_requests,
            azpoll=f"Unknown: {_REFUSED}",
            azure_core="Failed; the other host was sent 1 GET, without the credential",
        ),
        Scenario(
            name="edited-token",
            server="an attacker puts another host into a stored token, which is then resumed",
            script=Script(duration_s=60, retry_after=17),
            run=failure_scenarios.resume_from_an_edited_token,
            azpoll="Refused with UntrustedPollingURL; the other host was sent nothing",
            azure_core="Succeeded; the other host was sent 6 GETs, WITH the credential",
        ),
    ),
)

TOKENS = Case(
    "token-runs-code-and-keeps-secrets",
    "A token is a pickle that runs code, and holds the bearer token",
    "azure-core before 1.38: CVE-2026-21226",
    (
        Scenario(
            name="pickle",
            server="a stored token is replaced by a pickle",
            run=failure_scenarios.resume_from_a_pickle,
            azpoll="Refused with InvalidResumeToken; no code ran",
            azure_core="Refused with ValueError; no code ran",
            core_is_right=True,
        ),
        Scenario(
            name="secrets",
            server="the initial answer repeats the body of the request, which contains a password",
            run=failure_scenarios.secrets_in_a_token,
            azpoll="It holds neither credential nor body",
            azure_core="It holds the body of the initial answer",
        ),
    ),
)

RESUMED_FAILURE = Case(
    "resumed-failure-crashes",
    "Resuming an operation that has failed crashes",
    ".NET #58222 (NullReferenceException)",
    (
        Scenario(
            name="failed-meanwhile",
            server="an operation fails while no client polls it, and is then resumed from its token",
            script=script_of(status_monitor("Failed", error={"code": "Conflict", "message": "No."})),
            run=failure_scenarios.resume_after_an_hour,
            azpoll="Failed",
            azure_core="Failed",
            core_is_right=True,
        ),
    ),
)
