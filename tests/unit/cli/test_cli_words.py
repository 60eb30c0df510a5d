"""The parts of the command line: durations, guessed patterns, allowed hosts, exit codes, help."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

import pytest

import azpoll as library
from azpoll.cli.duration import parse_duration
from azpoll.cli.exit_codes import ExitCode, worst
from azpoll.cli.origins import in_options, is_listed, listed_origins
from azpoll.cli.pattern_guess import guess_pattern
from azpoll.duration_text import duration_text

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Command

ARM = "https://management.azure.com/subscriptions/s/providers/Microsoft.X"


@pytest.mark.parametrize(
    ("text", "duration_s"),
    [("90", 90), ("90s", 90), ("30m", 1800), ("2h", 7200), ("1.5h", 5400), ("1d", 86400), ("0", 0), (" 2M ", 120)],
)
def test_durations(text: str, duration_s: float) -> None:
    assert parse_duration(text) == duration_s


@pytest.mark.parametrize("text", ["", "-1", "1w", "m", "1e3", "nan", "1h30m", "٣"])
def test_an_invalid_duration_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("duration_s", "text"),
    [
        (0.04, "0.0 s"),
        (9.9, "9.9 s"),
        (9.96, "10 s"),
        (59.6, "1 min"),
        (63, "1 min 3 s"),
        (7500, "2 h 5 min"),
        (273_600, "3 d 4 h"),
    ],
)
def test_durations_are_printed_readably(duration_s: float, text: str) -> None:
    assert duration_text(duration_s) == text


@pytest.mark.parametrize(
    ("url", "pattern"),
    [
        (f"{ARM}/locations/w/operations/1?api-version=1", "azure-async-operation"),
        (f"{ARM}/deployments/d/operationStatuses/1", "azure-async-operation"),
        (f"{ARM}/locations/w/AsyncOperations/1", "azure-async-operation"),
        (f"{ARM}/operations/1?monitor=true&api-version=2016-01-01", "location"),
        (f"{ARM}/locations/w/operationResults/1", "location"),
        ("https://example.com/jobs/1", "location"),
    ],
)
def test_the_pattern_is_guessed_from_the_url(url: str, pattern: str) -> None:
    """The fourth row is from the document: a Location URL below /operations/."""
    assert guess_pattern(url) == pattern


@pytest.mark.parametrize(
    ("host", "found"),
    [
        ("management.azure.com", {"https://management.azure.com"}),
        ("https://management.azure.com/", {"https://management.azure.com"}),
        ("management.azure.com:8443", {"https://management.azure.com:8443"}),
        ("Management.Azure.com:443/", {"https://management.azure.com"}),
        ("münchen.example", {"https://xn--mnchen-3ya.example"}),
        ("[::1]:8443", {"https://[::1]:8443", "http://[::1]:8443"}),
        ("localhost:80", {"https://localhost:80", "http://localhost"}),
        ("http://127.0.0.1:8080", {"http://127.0.0.1:8080"}),
    ],
)
def test_allowed_hosts(host: str, found: set[str]) -> None:
    assert listed_origins("--allow-host", [host]) == found


def test_a_host_with_an_asterisk_lists_the_hosts_one_label_below() -> None:
    listed = listed_origins("--allow-host", ["*.analysis.windows.net"])
    assert listed == {"https://*.analysis.windows.net"}
    assert is_listed("https://a.analysis.windows.net", listed)
    assert not is_listed("https://a.b.analysis.windows.net", listed)
    assert not is_listed("https://analysis.windows.net", listed)


def test_texts_name_options_in_place_of_keywords() -> None:
    text = "list it in allowed_origins or in anonymous_origins, give rebase_to='https://x'; allowed_origins: no"
    assert in_options(text) == (
        "list it with --allow-host or with --anonymous-host, give --rebase-to 'https://x'; --allow-host: no"
    )


def test_the_worst_code_counts() -> None:
    order = [1, 3, 4, 5, 124, 0]
    for place, code in enumerate(order):
        assert worst(map(ExitCode, order[place:])) == code
    assert worst([]) == 0


def test_help_and_version(azpoll: Command) -> None:
    assert azpoll("--version").out == f"azpoll {library.__version__}\n"
    for words in (["--help"], ["demo", "--help"], ["wait", "--help"], ["status", "--help"]):
        result = azpoll(*words)
        assert result.code == 0
        assert "124" in result.out
    assert azpoll().code == 2
    assert azpoll("nonsense").code == 2
    assert azpoll("demo", "--operations", "-1").code == 2
