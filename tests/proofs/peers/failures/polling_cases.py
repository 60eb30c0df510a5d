"""Cases of the times and numbers of polls, and of cancelled awaiters."""

from __future__ import annotations

from azpoll.testing import Limits, Reply, Script, status_monitor
from tests.proofs.peers.failures import failure_scenarios
from tests.proofs.peers.failures.compared_library import ORIGIN
from tests.proofs.peers.failures.failure_case import Case, Scenario, script_of

_DONE = status_monitor("Succeeded")
_A_MINUTE = Script(duration_s=60, retry_after=17)


def _retry_after(name: str, value: str, azpoll_s: int, azure_core: str, *, right: bool = False) -> Scenario:
    return Scenario(
        name=name,
        server=f"a poll of a running operation is answered with `Retry-After: {value}`",
        script=script_of(Reply(200, {"status": "InProgress"}, {"Retry-After": value}), _DONE),
        run=failure_scenarios.next_poll,
        azpoll=f"Succeeded, asks again after {azpoll_s} s",
        azure_core=azure_core,
        core_is_right=right,
    )


_NEVER = "Still polling after a day, has not asked again"
_AFTER_30_S = "Succeeded, asks again after 30 s"
_RAISES = "Raises ValueError, has not asked again"

STRANGE_RETRY_AFTER = Case(
    "strange-retry-after",
    "An unusual Retry-After makes the client poll without pause, wait without end or crash",
    "core-lro 3.4.1: some 800 polls per second after `-5`, 30 days or a far date",
    (
        _retry_after("negative", "-5", 1, _AFTER_30_S, right=True),
        _retry_after("thirty-days", "2592000", 3600, _NEVER),
        _retry_after("far-date", "Fri, 01 Jan 2100 00:00:00 GMT", 3600, _NEVER),
        _retry_after("infinite", "inf", 2, _NEVER),
        _retry_after("word", "soon", 2, _RAISES),
        _retry_after("hexadecimal", "0x10", 2, _RAISES),
    ),
)

FIRST_POLL = Case(
    "first-poll-ignores-retry-after",
    "The first poll is immediate, whatever wait the initial answer names",
    "core-lro; once Java #11809, go-autorest #538; .NET's synchronous path (#22420)",
    (
        Scenario(
            name="seventeen-seconds",
            server="the initial answer says `Retry-After: 17`",
            script=Script(duration_s=10, retry_after=17),
            run=failure_scenarios.first_poll,
            azpoll="Succeeded; first poll after 17 s",
            azure_core="Succeeded; first poll after 0 s",
        ),
    ),
)

MANY_AWAITERS = Case(
    "each-awaiter-polls",
    "Each awaiter runs a polling loop of its own; awaiting again repeats the final GET",
    "",
    (
        Scenario(
            name="fifty-awaiters",
            server="an operation of a minute, `Retry-After: 17`, awaited by fifty tasks concurrently",
            script=_A_MINUTE,
            run=failure_scenarios.fifty_awaiters,
            azpoll="Succeeded, 5 GETs",
            azure_core="Succeeded, 300 GETs",
        ),
        Scenario(
            name="three-times",
            server="the same operation, awaited three times in sequence",
            script=_A_MINUTE,
            run=failure_scenarios.three_awaits,
            azpoll="Succeeded, 5 GETs",
            azure_core="Succeeded, 8 GETs",
        ),
    ),
)

ONE_LEAVES = Case(
    "one-awaiter-leaves",
    "Cancelling one awaiter ends the wait of all, and of all later ones",
    "core-lro 3.4.1",
    (
        Scenario(
            name="of-two",
            server="one of two awaiters of an operation of a minute is cancelled after ten seconds",
            script=_A_MINUTE,
            run=failure_scenarios.one_cancelled_awaiter,
            azpoll="The other: Succeeded; awaited again: Succeeded",
            azure_core="The other: Succeeded; awaited again: Succeeded",
            core_is_right=True,
        ),
    ),
)

ASKS_WHILE_THROTTLED = Case(
    "asks-while-throttled",
    "The client polls every second while the server asks it to wait",
    "Terraform #7694",
    (
        Scenario(
            name="ten-minutes",
            server="all polls of ten minutes are answered 429 with `Retry-After: 60`, then Succeeded",
            script=script_of(status_monitor("InProgress", retry_after=10), *[Reply(429, retry_after=60)] * 10, _DONE),
            run=failure_scenarios.rate_while_throttled,
            azpoll="Succeeded; 10 GETs were answered 429",
            azure_core="Failed; 4 GETs were answered 429",
        ),
    ),
)

_ASKED = "api-version=2019-07-01&asyncId=a%2Fb&t=x%3D"

REWRITTEN_URL = Case(
    "polling-url-is-rewritten",
    "The polling URL is rewritten: another api-version is a 404, a lost parameter a wrong verdict",
    ".NET #40606; go-azure-sdk #1090",
    (
        Scenario(
            name="query",
            server="the polling URL has an api-version of its own, an `asyncId` and a signature",
            script=Script(
                duration_s=10,
                initial=Reply(
                    201,
                    {"id": "/t"},
                    {
                        "Azure-AsyncOperation": f"{ORIGIN}/subscriptions/s/providers/Microsoft.Fake/operationStatuses"
                        f"/00000001-0000-4000-8000-000000000001?{_ASKED}"
                    },
                ),
            ),
            run=failure_scenarios.queries_of_polls,
            azpoll=f"Succeeded; asked with {_ASKED}",
            azure_core=f"Succeeded; asked with {_ASKED}",
            core_is_right=True,
        ),
    ),
)

EXPIRING_TOKENS = Case(
    "token-expires-during-the-wait",
    "A wait longer than the credential's token ends with 401",
    "Terraform #20867, #21812; PowerShell #13367; Ruby #2462",
    (
        Scenario(
            name="expiry-is-known",
            server="the bearer token changes every hour for eight hours; the credential knows the expiry",
            script=Script(duration_s=8 * 3600, retry_after=60),
            run=failure_scenarios.ten_bearer_tokens,
            azpoll="Succeeded",
            azure_core="Succeeded",
            core_is_right=True,
        ),
        Scenario(
            name="revoked",
            server="the same, but tokens are revoked before the time they were issued for",
            script=Script(duration_s=8 * 3600, retry_after=60),
            run=failure_scenarios.ten_bearer_tokens,
            expiring=False,
            azpoll="Succeeded",
            azure_core="Failed",
        ),
    ),
)

FLEET = Case(
    "fleet-under-the-read-limit",
    "Most waits of a fleet are lost to the read limit",
    "of ten thousand together: 94 % in a model (`python -m benchmarks.fleet`)",
    (
        Scenario(
            name="a-thousand",
            server="a thousand DELETEs in one subscription, ten a second, each of 300 s at `Retry-After: 17`;"
            " ARM's limits",
            method="DELETE",
            script=Script(duration_s=300, retry_after=17),
            limits=Limits(),
            run=failure_scenarios.a_thousand_waits,
            azpoll="none of the waits lost, none of the GETs throttled",
            azure_core="about 6 in 10 of the waits lost, about 4 in 10 of the GETs throttled",
        ),
    ),
)
