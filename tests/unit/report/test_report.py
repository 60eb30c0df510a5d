"""Reports as HTML, JSON and CSV: what they show, what they escape and mask, and their size."""

from __future__ import annotations

import csv
import io
import json
import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest

from azpoll import report
from azpoll.operation_state import OperationState
from tests.support.report_entries import BEGUN_S, QUOTA, Sample, day, entry

if TYPE_CHECKING:
    from collections.abc import Callable

    from azpoll.journal import JournalEntry

HOSTILE = "\"><script>alert(1)</script><img src=x onerror=alert(2)>&'\x00\u202e"
SECRET = "sv=1&sig=kept-secret"
SUCCEEDED = Sample(OperationState.SUCCEEDED)
VOID = {"meta", "link"}


class Document(HTMLParser):
    """The elements of a page, with their attributes; it checks that each is closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self._open: list[str] = []
        self.text = ""
        self.feed(page)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def hostile(state: OperationState | None, text: str) -> Sample:
    inner = {"code": text, "message": text, "target": text}
    return Sample(state, 409, {"error": {"code": text, "message": text, "details": [inner]}}, f"it failed: {text}")


def test_the_page_shows_each_part() -> None:
    text = Document(report.html(day(40), title="Release 42")).text
    for part in ("Release 42", "Summary", "Timeline", "Failures", "Slowest", "Operations", "Duration, p90"):
        assert part in text
    for detail in ("DeploymentFailed", "QuotaExceeded", "approved quota of 20", "Policy 'tags'"):
        assert detail in text


def test_the_page_needs_nothing_from_elsewhere() -> None:
    page = report.html([*day(150), entry(1, hostile(OperationState.FAILED, HOSTILE), BEGUN_S, 1, HOSTILE)])
    elements = Document(page).elements
    assert {"html", "title", "main", "table", "svg"} <= {tag for tag, _ in elements}
    assert not {"script", "img", "iframe", "object"} & {tag for tag, _ in elements}
    assert [attributes for tag, attributes in elements if tag == "link"] == [{"rel": "icon", "href": "data:,"}]
    assert not [name for _, attributes in elements for name in attributes if name == "src" or name.startswith("on")]
    policies = [each for tag, each in elements if tag == "meta" and "http-equiv" in each]
    assert "default-src 'none'" in str(policies)
    assert "url(" not in page


def test_tables_have_captions_and_headers() -> None:
    elements = Document(report.html(day(10))).elements
    scopes = [attributes.get("scope") for tag, attributes in elements if tag == "th"]
    assert len([tag for tag, _ in elements if tag == "table"]) == len([tag for tag, _ in elements if tag == "caption"])
    assert set(scopes) == {"col", "row"}


@pytest.mark.parametrize("state", [OperationState.FAILED, OperationState.CANCELED, OperationState.UNKNOWN, None])
def test_every_text_of_a_service_is_escaped(state: OperationState | None) -> None:
    fields = {"group": HOSTILE, "url": f"https://x.example/{HOSTILE}", "client_request_id": HOSTILE}
    entries = [entry(1, hostile(state, HOSTILE), BEGUN_S, 5, HOSTILE, **fields)]
    entries.append(entry(2, None, BEGUN_S, 5, HOSTILE, **fields, status=HOSTILE))
    page = report.html(entries, title=HOSTILE)
    tags = {tag for tag, _ in Document(page).elements}
    assert not tags & {"script", "img"}
    assert "\x00" not in page
    assert "\u202e" not in page


@pytest.mark.parametrize("make", [report.html, report.json, report.csv])
def test_secrets_are_masked(make: Callable[[list[JournalEntry]], str]) -> None:
    url = f"https://store.example/c/blob?{SECRET}"
    texts = (url, f"see {url} for more", "Authorization: Bearer kept-secret-kept-secret", "client_secret=kept-secret")
    fields = {"url": f"https://x.example/t?{SECRET}", "token": "kept-secret"}
    entries = [
        entry(number, hostile(OperationState.FAILED, text), BEGUN_S, 5, text, group=text, **fields)
        for number, text in enumerate(texts)
    ]
    made = make(entries)
    assert "kept-secret" not in made
    assert "store.example" in made


def test_json_has_every_operation_and_the_summary() -> None:
    running = entry(99, None, BEGUN_S, 5, "web-99", polls=None, throttled=None)
    failed = entry(
        7, Sample(OperationState.FAILED, 409, QUOTA, "it failed"), BEGUN_S, 10, "pe-07", polls=4, throttled=1
    )
    document = json.loads(report.json([failed, entry(1, SUCCEEDED, BEGUN_S, 20, "a", polls=3, throttled=0), running]))
    summary = document["summary"]
    assert summary["states"] == {"failed": 1, "running": 1, "succeeded": 1}
    assert summary["durations"] == {"p50_s": 10, "p90_s": 20, "max_s": 20}
    assert (summary["polls"], summary["throttled"]) == ({"total": 7, "known": 2}, {"total": 1, "known": 2})
    assert summary["codes"] == {"DeploymentFailed": 1}
    first = document["operations"][0]
    assert (first["state"], first["duration_s"], first["begun_at"]) == ("failed", 10, "2026-03-01T09:00:00.000+00:00")
    assert [(detail["depth"], detail["code"]) for detail in first["details"]] == [(1, "Conflict"), (2, "QuotaExceeded")]
    assert document["operations"][2]["ended_at"] is None


def test_the_page_says_which_counts_are_not_known() -> None:
    entries = [entry(1, SUCCEEDED, BEGUN_S, 5, "a", polls=None, throttled=None)]
    text = Document(report.html(entries)).text
    assert "Pollsnot known" in text
    assert "The polls of 1 operation are not known." in text


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "  =1", "=cmd|' /C calc'!A0", "%0A"])
def test_csv_has_no_formulas(text: str) -> None:
    entries = [entry(1, hostile(OperationState.FAILED, text), BEGUN_S, 5, text, group=text)]
    (row,) = csv.DictReader(io.StringIO(report.csv(entries)))
    texts = [row[name] for name in ("name", "group", "code", "message")]
    assert not [each for each in texts if re.match(r"\s*[=+\-@%|]", each)]
    assert (row["state"], row["duration_s"], row["polls"]) == ("failed", "5.0", "2")


def test_csv_keeps_lines_and_quotes_in_one_cell() -> None:
    entries = [entry(1, SUCCEEDED, BEGUN_S, 5, 'a "b", c\r\nd')]
    (row,) = csv.DictReader(io.StringIO(report.csv(entries)))
    assert row["name"] == 'a "b", c\\r\\nd'


def test_a_report_on_nothing() -> None:
    assert "No operations." in Document(report.html([])).text
    assert json.loads(report.json([]))["operations"] == []
    assert report.csv([]).count("\n") == 1


def test_an_operation_may_end_when_it_begins() -> None:
    """Nothing is divided by the length of the timeline."""
    assert "0.0 s" in Document(report.html([entry(1, SUCCEEDED, BEGUN_S, 0, "a")])).text


def test_clocks_that_were_set_back_harm_nothing() -> None:
    entries = [entry(1, SUCCEEDED, BEGUN_S, -50, "a"), entry(2, None, 4e9, 5, "b")]
    Document(report.html(entries))
    assert json.loads(report.json(entries))["operations"][0]["duration_s"] == 0


@pytest.mark.slow
def test_a_report_on_ten_thousand_operations_is_small() -> None:
    """The timeline is a chart with 100 bars, the table has 1,000 rows, and the page says so."""
    page = report.html(day(10_000))
    assert len(page.encode()) < 1_000_000
    document = Document(page)
    assert "100 of 10,000 operations" in document.text
    assert "1,000 of 10,000, those that need attention first" in document.text
    assert len([tag for tag, _ in document.elements if tag == "svg"]) == 2
