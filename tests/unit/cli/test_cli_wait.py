"""`azpoll wait`: exit codes, output formats, trusted origins, and secrets that are never printed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from azpoll.protocol.resume_token import decode, encode
from azpoll.testing import Reply, html_page

if TYPE_CHECKING:
    from azpoll.protocol.token_content import Token
    from tests.unit.cli.conftest import Azure, Command

SECRET = "c2VjcmV0"
QUOTA = {"code": "QuotaExceeded", "message": "No cores are left."}


@pytest.mark.parametrize(
    ("outcome", "code", "word"), [("Succeeded", 0, "Succeeded"), ("Failed", 1, "Failed"), ("Canceled", 3, "Canceled")]
)
def test_the_exit_code_shows_the_end_of_the_operation(
    azure: Azure, azpoll: Command, outcome: str, code: int, word: str
) -> None:
    operation = azure.begin(duration_s=0, outcome=outcome)

    result = azpoll("wait", operation.monitor_url)

    assert result.code == code
    assert result.out.startswith(word)
    assert operation.id in result.out


@pytest.mark.slow
def test_the_command_waits_for_the_retry_after(azure: Azure, azpoll: Command) -> None:
    running = Reply(200, {"status": "InProgress", "percentComplete": 40}, retry_after=1)
    operation = azure.begin(polls=[running, running, Reply(200, {"status": "Succeeded"})])

    result = azpoll("wait", operation.monitor_url)

    assert result.code == 0
    assert operation.polls == 3
    assert "InProgress" in result.err
    assert azure.early_reads == 0
    azure.arm.no_requests_after_end()


def test_the_reason_of_a_failure_is_printed(azure: Azure, azpoll: Command) -> None:
    operation = azure.begin(duration_s=0, outcome="Failed", error=QUOTA)

    text = azpoll("wait", operation.monitor_url)
    document = json.loads(azpoll("wait", "-o", "json", operation.monitor_url).out)

    assert "QuotaExceeded" in text.out
    assert "No cores are left." in text.out
    assert document["exit_code"] == 1
    (told,) = document["operations"]
    assert told["state"] == "failed"
    assert (told["error"]["type"], told["error"]["code"]) == ("OperationFailed", "QuotaExceeded")


def test_a_failed_location_operation(azure: Azure, azpoll: Command) -> None:
    operation = azure.begin(pattern="location", duration_s=0, outcome="Failed", error=QUOTA)

    assert azpoll("wait", operation.location_url).code == 1


@pytest.mark.parametrize(
    ("outcomes", "code"),
    [
        (("Succeeded", "Succeeded"), 0),
        (("Canceled", "Failed", "Succeeded"), 1),
        (("Succeeded", "Canceled"), 3),
    ],
)
def test_the_worst_of_several_ends_decides_the_exit_code(
    azure: Azure, azpoll: Command, outcomes: tuple[str, ...], code: int
) -> None:
    urls = [azure.begin(duration_s=0, outcome=outcome).monitor_url for outcome in outcomes]

    result = azpoll("wait", *urls)

    assert result.code == code
    assert len([line for line in result.out.splitlines() if not line.startswith(" ")]) == len(outcomes)


def test_a_failure_beats_a_timeout(azure: Azure, azpoll: Command) -> None:
    running, failed = azure.begin(duration_s=60), azure.begin(duration_s=0, outcome="Failed")

    assert azpoll("wait", "--timeout", "0.2", running.monitor_url, failed.monitor_url).code == 1


def test_any_stops_at_the_first_end(azure: Azure, azpoll: Command) -> None:
    running, ended = azure.begin(duration_s=60), azure.begin(duration_s=0)

    result = azpoll("wait", "--any", "-o", "json", running.monitor_url, ended.monitor_url)

    assert result.code == 0
    assert [told["state"] for told in json.loads(result.out)["operations"]] == ["running", "succeeded"]
    assert result.out.count("resume_token") == 1


@pytest.mark.slow
def test_fail_fast_stops_at_the_first_failure(azure: Azure, azpoll: Command) -> None:
    running, ended = azure.begin(duration_s=60), azure.begin(duration_s=0)
    failed = azure.begin(duration_s=0.3, retry_after=1, outcome="Failed")

    result = azpoll("wait", "--fail-fast", running.monitor_url, ended.monitor_url, failed.monitor_url)

    assert result.code == 1
    assert "Succeeded" in result.out


def test_the_tokens_of_a_wait_that_ends_early_outlive_its_timeout(azure: Azure, azpoll: Command) -> None:
    """`--timeout` limits one command. A deadline that the token had before remains."""
    running, failed = azure.begin(duration_s=60), azure.begin(duration_s=0, outcome="Failed")

    def token_after_a_wait_for(target: str) -> Token:
        words = ("wait", "-o", "json", "--timeout", "60", "--fail-fast", "--allow-host", azure.base_url)
        operations = json.loads(azpoll(*words, target, failed.monitor_url).out)["operations"]
        return decode(operations[0]["resume_token"])

    token = token_after_a_wait_for(running.monitor_url)

    assert token.deadline is None
    assert token_after_a_wait_for(encode(token._replace(deadline=4e9))).deadline == 4e9


@pytest.mark.slow
def test_a_timeout_prints_a_usable_token(azure: Azure, azpoll: Command) -> None:
    operation = azure.begin(duration_s=1.0, retry_after=1)

    stopped = azpoll("wait", "--timeout", "0.3s", operation.monitor_url)
    token = stopped.err.split()[-1]
    refused = azpoll("wait", token)
    reads = azure.reads
    resumed = azpoll("wait", "--allow-host", azure.base_url, token)

    assert stopped.code == 124
    assert stopped.out.startswith("Timed out")
    assert refused.code == 4
    assert "--allow-host" in refused.out
    assert reads == 1
    assert resumed.code == 0


def test_operations_come_from_standard_input(azure: Azure, azpoll: Command) -> None:
    urls = [azure.begin(duration_s=0).monitor_url for _ in range(2)]
    lines = "\n".join([urls[0], "", f"  {urls[1]} ", urls[0]])

    untrusted = azpoll("wait", "-", stdin=lines)
    result = azpoll("wait", "-", "--allow-host", azure.base_url, stdin=lines)

    assert untrusted.code == 4
    assert result.code == 0
    assert azure.reads == 2
    assert len(result.out.splitlines()) == 2


def test_empty_standard_input_is_an_error(azpoll: Command) -> None:
    assert azpoll("wait", "-", stdin="\n").code == 2


@pytest.mark.slow
def test_json_lines_show_each_answer(azure: Azure, azpoll: Command) -> None:
    operation = azure.begin(duration_s=0.5, retry_after=1)

    result = azpoll("wait", "-o", "jsonl", operation.monitor_url)

    events = [json.loads(line) for line in result.out.splitlines()]
    assert [event["event"] for event in events] == ["polled", "polled", "ended", "finished"]
    assert events[0]["status"] == "InProgress"
    assert events[0]["next_read_in_s"] == 1
    assert events[2]["state"] == "succeeded"
    assert events[3]["exit_code"] == 0


def test_output_none_prints_nothing(azure: Azure, azpoll: Command) -> None:
    operation = azure.begin(duration_s=0, outcome="Canceled")

    result = azpoll("wait", "-o", "none", operation.monitor_url)

    assert (result.code, result.out, result.err) == (3, "", "")


@pytest.mark.parametrize("form", ["text", "json", "jsonl"])
def test_query_values_and_credentials_are_never_printed(
    azure: Azure, azpoll: Command, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    monkeypatch.setenv("AZPOLL_TOKEN", f"bearer-{SECRET}")
    ended, gone = azure.begin(duration_s=0, outcome="Failed"), f"{azure.base_url}/gone?sig={SECRET}"

    waited = azpoll("wait", "-o", form, "--fail-fast", f"{ended.monitor_url}&sig={SECRET}", gone)
    read = azpoll("status", "-o", form, gone)

    assert (waited.code, read.code) == (1, 4)
    assert SECRET not in waited.out + waited.err + read.out + read.err


def test_urls_that_differ_only_in_their_query_are_separate_operations(azure: Azure, azpoll: Command) -> None:
    url = azure.begin(duration_s=0).monitor_url

    result = azpoll("wait", f"{url}&t=1", f"{url}&t=2")

    assert result.code == 0
    assert azure.reads == 2
    assert len(result.out.splitlines()) == 2


@pytest.mark.slow
def test_a_status_monitor_polled_as_a_location_is_detected(azure: Azure, azpoll: Command) -> None:
    running, ended = Reply(200, {"status": "Running"}, terminal=False), Reply(200, {"status": "Failed"})
    operation = azure.begin(pattern="location", polls=[running, running, ended])

    result = azpoll("wait", "--interval", "1s", operation.location_url)

    assert result.code == 1
    assert operation.polls == 3


def test_a_location_pattern_of_the_user_is_used(azure: Azure, azpoll: Command) -> None:
    operation = azure.begin(pattern="location", polls=[Reply(200, {"status": "Running", "size": 3})])

    assert azpoll("wait", "--pattern", "location", operation.location_url).code == 0


def test_rule_48_the_user_names_the_member_and_the_words_of_the_status(azure: Azure, azpoll: Command) -> None:
    """Durable Functions: the member is `runtimeStatus`, and a failed instance answers 500."""
    running = Reply(202, {"runtimeStatus": "Running"}, terminal=False)
    options = ("--pattern", "location", "--status-member", "runtimeStatus", "--terminal-word", "Terminated=canceled")
    ends = [Reply(200, {"runtimeStatus": "Completed"}), Reply(500, {"runtimeStatus": "Failed"})]
    ends.append(Reply(200, {"runtimeStatus": "Terminated"}))
    operations = [azure.begin(pattern="location", polls=[running, end]) for end in ends]

    result = azpoll("wait", "-o", "json", "--interval", "1s", *options, *(each.location_url for each in operations))

    assert [told["state"] for told in json.loads(result.out)["operations"]] == ["succeeded", "failed", "canceled"]
    assert [operation.polls for operation in operations] == [2, 2, 2]


def test_rule_47_the_pattern_has_the_names_of_the_library(azure: Azure, azpoll: Command) -> None:
    """Kudu: the words are numbers. A word that no option names runs."""
    polls = [Reply(200, {"status": 1}, terminal=False), Reply(200, {"status": 4})]
    operation = azure.begin(pattern="location", polls=polls)
    words = ("--terminal-word", "4=succeeded", "--terminal-word", "3=failed")
    assert azpoll("wait", "--pattern", "azure-async-operation", *words, operation.location_url).code == 0
    assert operation.polls == 2


def test_the_resource_itself_can_be_waited_for(azure: Azure, azpoll: Command) -> None:
    operation = azure.begin(pattern="body", duration_s=0, outcome="Failed")

    assert azpoll("wait", "--pattern", "resource", operation.resource_url).code == 1


@pytest.mark.slow
def test_a_bearer_token_comes_from_the_environment(
    azure: Azure, azpoll: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = azure.begin(duration_s=0).monitor_url
    azure.arm.require_token(SECRET)
    monkeypatch.setenv("MY_TOKEN", f" {SECRET}\n")
    monkeypatch.setenv("AZPOLL_TOKEN", SECRET)

    assert azpoll("wait", url).code == 0
    assert azpoll("wait", "--auth", "env:MY_TOKEN", url).code == 0
    refused = azpoll("wait", "--auth", "none", url)
    assert refused.code == 5
    assert "401" in refused.out


@pytest.mark.parametrize("source", ["env:NOT_SET", "env:", "env:BROKEN", SECRET])
def test_a_wrong_auth_is_a_usage_error(azpoll: Command, monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    monkeypatch.setenv("BROKEN", f"{SECRET} and more")

    result = azpoll("wait", "--auth", source, "https://management.azure.com/x")

    assert result.code == 2
    assert SECRET not in result.err


@pytest.mark.parametrize(
    "words",
    [
        ["http://management.azure.com/operations/x"],
        ["https://user:password@management.azure.com/operations/x"],
        ["https:///operations/x"],
        ["ftp://management.azure.com/operations/x"],
        ["https://management.azure.com/opera tions/ü\u202e"],
        ["not-a-token"],
        ["https://management.azure.com/x", "--timeout", "soon"],
        ["https://management.azure.com/x", "--allow-host", "http://example.com"],
        ["https://management.azure.com/x", "--allow-host", "example.com/path"],
        ["https://management.azure.com/x", "--allow-host", ""],
        ["https://management.azure.com/x", "--allow-host", "*.sharepoint.com"],
        ["https://management.azure.com/x", "--allow-host", "*.com"],
        ["https://management.azure.com/x", "--anonymous-host", "example.com:99999"],
        ["https://management.azure.com/x", "--rebase-to", "http://example.com"],
        ["https://management.azure.com/x", "--rebase-to", "https://example.com?x"],
        ["https://management.azure.com/x", "--pattern", "other"],
        ["https://management.azure.com/x", "--status-member", "state..id"],
        ["https://management.azure.com/x", "--terminal-word", "Done"],
        ["https://management.azure.com/x", "--terminal-word", "Done=finished"],
        ["https://management.azure.com/x", "--terminal-word", "=failed"],
        ["https://management.azure.com/x#part"],
        ["https://management.azure.com/é"],
        [],
    ],
)
def test_usage_errors_send_nothing(azpoll: Command, words: list[str]) -> None:
    result = azpoll("wait", *words)

    assert result.code == 2
    assert result.err
    assert "_origins" not in result.err
    assert "password" not in result.err


def test_rule_55_the_line_shown_while_waiting_says_why_polls_fail(azpoll: Command, azure: Azure) -> None:
    failing = Reply(503, retry_after=0)
    operation = azure.begin(polls=[failing, html_page(503), Reply(200, {"status": "Succeeded"})])

    result = azpoll("wait", operation.monitor_url)

    assert result.code == 0
    assert ": HTTP 503, next in 1.0 s\n" in result.err
    assert ": HTTP 503 from a proxy (HTML), 2 polls in a row, next in 2.0 s\n" in result.err


def test_rule_55_json_has_the_reason_of_a_failed_poll(azpoll: Command, azure: Azure) -> None:
    operation = azure.begin(polls=[Reply(503), Reply(400)])

    result = azpoll("wait", "-o", "jsonl", operation.monitor_url)

    first, second, ended = (json.loads(line) for line in result.out.splitlines()[:3])
    assert (first["reason"], second["reason"]) == ("HTTP 503", "HTTP 400")
    assert (ended["last_error"], ended["failed_polls"]) == ("HTTP 400", 2)
