"""`azpoll status`: exactly one read, its exit code and its output."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from azpoll.protocol import resume_token
from azpoll.protocol.token_content import Token
from azpoll.testing import Drop, Reply, html_page, redirect

if TYPE_CHECKING:
    from azpoll.testing import Step
    from tests.unit.cli.conftest import Azure, Command


@pytest.mark.parametrize(
    ("outcome", "duration_s", "code"),
    [("Running", 60, 0), ("Succeeded", 0, 0), ("Failed", 0, 1), ("Canceled", 0, 3)],
)
def test_status_reads_once(azure: Azure, azpoll: Command, outcome: str, duration_s: float, code: int) -> None:
    operation = azure.begin(duration_s=duration_s, outcome=outcome)

    result = azpoll("status", operation.monitor_url)

    assert result.code == code
    assert result.out.startswith(outcome)
    assert azure.reads == 1


@pytest.mark.parametrize(
    ("step", "code"),
    [
        (Reply(404), 4),
        (Reply(410), 4),
        (Reply(503, retry_after=30), 4),
        (Reply(429, retry_after=30), 4),
        (Reply(400), 4),
        (Drop(), 4),
        (html_page(200), 4),
        (Reply(200, {"value": 1}, terminal=False), 4),
        (redirect("https://elsewhere.example/x"), 4),
        (Reply(202), 0),
        (Reply(403), 5),
        (Reply(401), 5),
    ],
)
def test_unreadable_and_forbidden_statuses_have_different_exit_codes(
    azure: Azure, azpoll: Command, step: Step, code: int
) -> None:
    operation = azure.begin(polls=[step])

    assert azpoll("status", operation.monitor_url).code == code
    assert azure.reads == 1


def test_a_redirect_is_part_of_the_read(azure: Azure, azpoll: Command) -> None:
    operation = azure.begin(polls=[redirect("{poll_url}&hop=1"), Reply(200, {"status": "Running"})])

    result = azpoll("status", operation.monitor_url)

    assert result.code == 0
    assert "Running" in result.out


def test_error_text_names_options_instead_of_python_names(azure: Azure, azpoll: Command) -> None:
    operation = azure.begin(polls=[redirect("https://elsewhere.example/x")])

    result = azpoll("status", operation.monitor_url)

    assert "--allow-host" in result.out
    assert "allowed_origins" not in result.out
    assert "resume_token" not in result.out


def test_a_token_of_an_allowed_host_is_read_immediately(azure: Azure, azpoll: Command) -> None:
    operation = azure.begin(duration_s=60, retry_after=60)
    url = operation.monitor_url
    token = resume_token.encode(
        Token(method="PUT", resource_url=url, pattern="Azure-AsyncOperation", url=url, not_before=4e9)
    )

    assert azpoll("status", token).code == 4
    assert azure.reads == 0
    assert azpoll("status", "--allow-host", azure.base_url.partition("://")[2], token).code == 0
    assert azure.reads == 1


def test_status_supports_json_and_none(azure: Azure, azpoll: Command) -> None:
    operation = azure.begin(duration_s=60, percent_complete=True)

    document = json.loads(azpoll("status", "-o", "json", operation.monitor_url).out)
    lines = azpoll("status", "-o", "jsonl", operation.monitor_url).out.splitlines()
    nothing = azpoll("status", "-o", "none", operation.monitor_url)

    (told,) = document["operations"]
    assert (told["state"], told["status"], told["polls"]) == ("running", "InProgress", 1)
    assert [json.loads(line)["event"] for line in lines] == ["not_ended", "finished"]
    assert nothing.out == nothing.err == ""


def test_a_port_without_a_server_is_an_error(azpoll: Command) -> None:
    result = azpoll("status", "http://127.0.0.1:9/operations/x")

    assert result.code == 4
    assert "the connection failed: ConnectError" in result.out or "connection refused" in result.out


def test_rule_55_the_reason_of_a_failed_read_is_shown(azpoll: Command, azure: Azure) -> None:
    operation = azure.begin(polls=[html_page(503)])

    result = azpoll("status", operation.monitor_url)

    assert result.code == 4
    assert "HTTP 503 from a proxy (HTML)" in result.out


@pytest.mark.parametrize(("status_code", "word", "code"), [(500, "Running", 0), (500, "Failed", 1), (500, None, 4)])
def test_rule_48_status_reads_the_member_that_the_user_names(
    azure: Azure, azpoll: Command, status_code: int, word: str | None, code: int
) -> None:
    body = {} if word is None else {"runtimeStatus": word}
    operation = azure.begin(pattern="location", polls=[Reply(status_code, body, terminal=False)])

    assert azpoll("status", "--status-member", "runtimeStatus", operation.location_url).code == code
    assert operation.polls == 1
