"""The failures of a report, with the details that the service sent, and the running operations whose polls fail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpoll.markup import Markup, element
from azpoll.report.operations import OPEN, STATES
from azpoll.report.tables import state_mark
from azpoll.report.texts import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from azpoll.report.operations import ReportedDetail, ReportedOperation

MOST_OF_A_CODE, MOST_CODES = 25, 20
"""Failures that are shown with their details."""


def failures(operations: Sequence[ReportedOperation]) -> Markup:
    """Return the section of the operations that ended without success, by the service's code; then those that fail."""
    failed = [each for each in operations if each.state not in OPEN and each.state != "succeeded"]
    failing = [each for each in operations if each.last_error is not None]
    if not failed and not failing:
        return Markup("")
    by_code: dict[str, list[ReportedOperation]] = {}
    for each in failed:
        by_code.setdefault(_code_of(each), []).append(each)
    codes = sorted(by_code, key=lambda code: (-len(by_code[code]), STATES.index(by_code[code][0].state)))
    parts = [part for code in codes[:MOST_CODES] for part in _of_code(code, by_code[code], is_open=code == codes[0])]
    if len(codes) > MOST_CODES:
        parts.append(element("p", f"{counted(len(codes) - MOST_CODES, 'more code')}: see JSON or CSV.", class_="quiet"))
    if failing:
        parts += _listed("Running, and the last poll failed", failing, is_open=not failed)
    return element("section", element("h2", "Failures", id="failures"), *parts, aria_labelledby="failures")


def _of_code(code: str, failed: list[ReportedOperation], *, is_open: bool) -> list[Markup]:
    """Return the failures with one code; `is_open` shows the details of the first."""
    return _listed(element("code", code), failed, is_open=is_open)


def _listed(head: str, failed: list[ReportedOperation], *, is_open: bool) -> list[Markup]:
    """Return a head and some operations with their details."""
    title = element("h3", head, " ", element("span", counted(len(failed), "operation"), class_="quiet"))
    parts = [title, *(_failure(each, is_open=is_open and each is failed[0]) for each in failed[:MOST_OF_A_CODE])]
    if len(failed) > MOST_OF_A_CODE:
        more = f"The first {MOST_OF_A_CODE} of {len(failed):,}; JSON and CSV have all."
        parts.append(element("p", more, class_="quiet"))
    return parts


def _failure(operation: ReportedOperation, *, is_open: bool) -> Markup:
    line = element("summary", state_mark(operation.state), "  ", operation.name)
    reason = operation.message or operation.reason or operation.last_error or "The service gave no reason."
    facts: dict[str, str | None] = {
        "Request": f"{operation.method} {operation.target}",
        "Progress": None if operation.percent is None else f"{operation.percent:.0f} %",
        "HTTP status": None if operation.http_status is None else str(operation.http_status),
        "Request id": operation.request_id,
        "Operation": operation.id,
        "Group": operation.group,
    }
    pairs = (part for name, value in facts.items() if value for part in (element("dt", name), element("dd", value)))
    error = element("div", element("p", reason), _details(operation.details), element("dl", *pairs), class_="error")
    return element("details", line, error, open=is_open)


def _details(details: Sequence[ReportedDetail]) -> Markup:
    """Return the errors below an error as nested lists."""
    if not details:
        return Markup("")
    depth = details[0].depth
    items: list[Markup] = []
    starts = [number for number, each in enumerate(details) if each.depth == depth]
    for start, end in zip(starts, [*starts[1:], len(details)], strict=True):
        items.append(element("li", *_detail(details[start]), _details(details[start + 1 : end])))
    return element("ul", *items)


def _detail(detail: ReportedDetail) -> list[str]:
    parts: list[str] = [] if detail.code is None else [element("code", detail.code), " "]
    if detail.message:
        parts.append(detail.message)
    if detail.target:
        parts.append(element("span", f" ({detail.target})", class_="quiet"))
    return parts


def _code_of(operation: ReportedOperation) -> str:
    if operation.code is not None:
        return operation.code
    return "status not read" if operation.state == "unknown" else "without a code"
