"""Rules 44 and 45: the error of a service at any of its places, and its text for people."""

import json
import pickle
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azpoll.protocol.answer import Answer
from azpoll.protocol.arm_error import ARMError, ServiceError, describe, is_explained, read_error, reason_of

CONFLICT = ARMError("Conflict", "the name is taken")
SENT = {"code": "Conflict", "message": "the name is taken"}
ODATA_XML = (
    b"<m:error xmlns:m='http://schemas.microsoft.com/ado/2007/08/dataservices/metadata'>"
    b"<m:code>Conflict</m:code><m:message xml:lang='en-US'>the name is taken</m:message></m:error>"
)


def answer(body: object, /, status_code: int = 409, **headers: str) -> Answer:
    """Return an answer with this body: bytes as they are, anything else as JSON."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(status_code, named, content, "https://h/op", datetime(2024, 11, 6, tzinfo=UTC), 0.0)


def read(body: object) -> ARMError:
    """Return the error read from a body."""
    return read_error(answer(body)).error


def levels(error: ARMError) -> int:
    """Return how many errors stand beneath one another along the first details."""
    count = 1
    while error.details:
        error, count = error.details[0], count + 1
    return count


def total(error: ARMError) -> int:
    """Return how many errors there are."""
    return 1 + sum(map(total, error.details))


@pytest.mark.parametrize(
    "body",
    [
        {"error": SENT},
        {"Error": {"Code": "Conflict", "MESSAGE": "the name is taken"}},
        {"status": "Failed", "error": SENT},
        {"status": "Failed", "properties": {"error": SENT}},
        {"properties": {"provisioningState": "Failed", "Error": SENT}},
        {"properties": {"statusCode": "Conflict", "statusMessage": {"error": SENT}}},
        {"properties": {"statusMessage": {"status": "Failed", "error": SENT}}},
        {"properties": {"statusMessage": json.dumps({"error": SENT})}},
        {"properties": {"statusMessage": SENT}},
        {"odata.error": {"code": "Conflict", "message": {"lang": "en-us", "value": "the name is taken"}}},
        SENT,
        {"Code": "Conflict", "Message": "the name is taken", "Target": None, "Details": [], "Innererror": None},
        {"error": {"error": SENT}},
        {"error": json.dumps({"error": SENT})},
        {"error": "Conflict", "message": "the name is taken"},
        {"error": "Conflict", "error_description": "the name is taken"},
        {"error": "conflict", "code": "Conflict", "message": "the name is taken"},
        {"error": "conflict", "Code": "Conflict", "Message": "the name is taken"},
        {"message": json.dumps({"error": SENT})},
        {"error": {"code": None, "message": json.dumps(SENT)}},
        {"code": "Conflict", "detail": "the name is taken"},
        json.dumps({"error": SENT}),
        json.dumps(SENT),
        b"\xef\xbb\xbf" + json.dumps({"error": SENT}).encode(),
        json.dumps({"error": SENT}).encode("utf-16"),
        b"<Error><Code>Conflict</Code><Message>the name is taken</Message></Error>",
        b"\xef\xbb\xbf<?xml version='1.0'?>\n<error><code>Conflict</code><message>the name is taken</message></error>",
        ODATA_XML,
        b"<Error><Code>Conflict</Code><Detail>the name is taken</Detail></Error>",
    ],
)
def test_rule_44_the_error_is_found_in_every_place(body: object) -> None:
    """One error, sent in every known way."""
    assert read(body) == CONFLICT


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"error": {"code": "1"}, "properties": {"error": {"code": "2"}}, "code": "5"}, "1"),
        ({"error": {}, "properties": {"error": {"code": "2"}, "statusMessage": {"code": "3"}}}, "2"),
        ({"odata.error": {"code": "4"}, "properties": {"statusMessage": {"code": "3"}}}, "3"),
        ({"code": "5", "odata.error": {"code": "4"}}, "4"),
        ({"code": "5", "error": None, "properties": None}, "5"),
        ({"status": "Failed"}, "6"),
        ({"error": {"message": "no code"}}, "6"),
        (b"", "6"),
    ],
)
def test_rule_44_the_places_of_the_error_have_an_order(body: object, code: str) -> None:
    """The table in the module's docstring; `x-ms-error-code` comes last."""
    assert read_error(answer(body, x_ms_error_code="6")).error.code == code


@pytest.mark.parametrize(
    "body",
    [
        *[b"", b" \r\n", b"{}", b"[]", b"null", b"true", b"502", b'""', b'" "', b"NaN", b'{"error": {}}'],
        *[b'{"error": ""}', b'{"error": []}', b'{"error": 7}', b'{"error": {"details": [null, 7, {}]}}'],
        *[b'{"error": {"code": "", "message": " "}}', b'{"error": {"code": true}}', b'{"properties": []}'],
        *[b'{"status": "Failed", "name": "op"}', b'{"error": ', b"[1", b"\x00", b"\xff\xd8\xff\xe0", b"text\x00"],
        *[b"<html><body>Bad Gateway</body></html>", b"<!DOCTYPE html><title>502</title>", b"<p>502<br>"],
        *[b"<Error/>", b"<Error><Code/></Error>", b"<ok><id>7</id></ok>", b"<!DOCTYPE x><Error><Code>A</Code></Error>"],
    ],
)
def test_rule_44_without_an_error_the_error_is_empty(body: bytes) -> None:
    """`error: {}` (AutonomousDevelopmentPlatform), HTML, broken JSON, binary: nothing is made up."""
    error = read(body)
    assert error == ARMError(members=error.members)
    assert describe(error) == "the service gave no reason"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"error": {"message": "no code"}}, "no code"),  # Palo Alto cloud NGFW
        ({"Message": "No HTTP resource was found"}, "No HTTP resource was found"),
        ({"error": "it broke"}, "it broke"),
        ({"properties": {"statusMessage": "it broke"}}, "it broke"),
        ({"detail": "Not Found"}, "Not Found"),
        ("a JSON string", "a JSON string"),
        ("[not JSON]", "[not JSON]"),
        ({"error": "{}"}, "{}"),
        (b"Service Unavailable\r\n", "Service Unavailable"),
        (b"XML is not accepted", "XML is not accepted"),
        (b"<string xmlns='urn:x'>it broke</string>", "it broke"),
        ({"error": {"message": 7}}, "7"),
    ],
)
def test_rule_44_an_error_may_be_only_a_message(body: object, message: str) -> None:
    """Bare text and JSON strings (OperationsManagement solutions) are messages."""
    assert read(body) == ARMError(message=message)


@pytest.mark.parametrize(
    ("members", "code", "message"),
    [
        ({"errorCode": "E2", "message": "it broke"}, "E2", "it broke"),  # Power Platform
        ({"errorCode": "E2", "errorMessage": "it broke"}, "E2", "it broke"),
        ({"errorCode": "E2", "failureReason": "it broke"}, "E2", "it broke"),  # Fabric job instances
        ({"failureReason": {"errorCode": "E2", "message": "it broke"}}, "E2", "it broke"),
        ({"statusDescription": "it broke"}, None, "it broke"),
        ({"statusDetails": "quota"}, None, "quota"),
        ({"status_details": {"type": "failed", "error": {"code": "E2", "message": "it broke"}}}, "E2", "it broke"),
        ({"resultMessage": "it broke"}, None, "it broke"),
        ({"messages": [{"code": "E1", "message": "first"}]}, "E1", "first"),
        ({"messages": [{"code": "E1", "message": "first"}, {"code": "E2", "message": "second"}]}, "E1", "first"),
        ({"errors": [{"code": "E1", "message": "first"}]}, "E1", "first"),
        ({"errors": ["first", "second"]}, None, "first"),
        ({"properties": {"errors": [{"code": "E1", "message": "first"}]}}, "E1", "first"),
        ({"properties": {"statusDescription": "it broke"}}, None, "it broke"),
        ({"ERRORCODE": "E2", "FailureReason": "it broke"}, "E2", "it broke"),
        ({"title": "a report", "failureReason": "it broke"}, None, "it broke"),
        ({"error": {"code": "E1"}, "failureReason": "it broke"}, "E1", None),
        ({"error": {"errorCode": "E1", "errorMessage": "it broke"}}, "E1", "it broke"),
        ({"code": "E1", "message": "it broke", "failureReason": "why"}, "E1", "it broke"),
        ({"code": "E1", "details": [{"code": "E2"}], "failureReason": "why"}, "E1", None),
    ],
)
def test_rule_44_other_members_hold_the_reason(members: dict[str, object], code: str | None, message: str) -> None:
    """Services without an error of the contract put the reason into members of their own."""
    error = read({"status": "Failed", **members})
    assert (error.code, error.message) == (code, message)


@pytest.mark.parametrize(
    ("members", "target"),
    [
        ({"target": "t", "failureReason": "it broke"}, "t"),
        ({"target": "t", "failureReason": {"message": "it broke", "target": "u"}}, "t"),
        ({"failureReason": {"message": "it broke", "target": "u"}}, "u"),
    ],
)
def test_rule_44_the_target_beside_the_code_counts_first(members: dict[str, object], target: str) -> None:
    assert read({"code": "E1", **members}) == ARMError("E1", "it broke", target)


def test_rule_44_a_list_of_one_error_is_that_error() -> None:
    assert read({"errors": [{"code": "E1", "message": "first"}]}) == ARMError("E1", "first")


def test_rule_44_all_errors_of_a_list_are_details() -> None:
    """The first one speaks for the list, and none is lost."""
    error = read({"errors": [{"code": "E1", "message": "first"}, {"code": "E2", "message": "second"}]})
    assert [(each.code, each.message) for each in error.details] == [("E1", "first"), ("E2", "second")]


@pytest.mark.parametrize(
    ("problem", "message", "details"),
    [
        ({"title": "Invalid", "detail": "name is too long"}, "Invalid: name is too long", []),
        ({"type": "about:blank", "title": "Not Found", "status": 404}, "Not Found", []),
        ({"title": "t", "detail": "d", "errors": [{"detail": "e"}]}, "t: d", [(None, "e")]),
        ({"title": "t", "errors": {"name": ["too long", "taken"]}}, "t", [("name", "too long; taken")]),
    ],
)
def test_rule_44_problem_details_are_read(
    problem: dict[str, object], message: str, details: list[tuple[str | None, str]]
) -> None:
    """RFC 9457, and the validation errors of ASP.NET by the member of the request."""
    error = read(problem)
    assert error.message == message
    assert [(each.target, each.message) for each in error.details] == details


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"runtimeStatus": "Failed", "output": "boom"}', '{"runtimeStatus": "Failed", "output": "boom"}'),
        (b"<html>\n<h1>502</h1>", "<html>\\n<h1>502</h1>"),
        (b"{" + b"x" * 600, "{" + "x" * 510 + "…"),
    ],
)
def test_rule_44_without_a_reason_the_start_of_the_body_is_quoted(body: bytes, reason: str) -> None:
    """The quotation has at most 512 characters, and is escaped."""
    quoted = reason_of(read_error(answer(body)))
    assert quoted == f"the service gave no reason; its answer begins: {reason}"


@pytest.mark.parametrize(
    ("error", "explained"),
    [
        (ARMError("A"), True),
        (ARMError(message="b"), True),
        (ARMError(details=(ARMError("A"),)), True),
        (ARMError(target="t", members={"a": 1}), False),
    ],
)
def test_rule_44_a_code_a_message_or_details_explain_a_failure(error: ARMError, *, explained: bool) -> None:
    assert is_explained(error) is explained


def test_rule_44_without_a_body_there_is_nothing_to_quote() -> None:
    """An empty body has no start."""
    assert reason_of(read_error(answer(b" "))) == "the service gave no reason"


@pytest.mark.parametrize(("sent", "code"), [(409, "409"), (1.5, "1.5"), ("A", "A"), (0, "0")])
def test_rule_44_a_code_may_be_a_number(sent: object, code: str) -> None:
    """It is text for the caller in any case."""
    assert read({"error": {"code": sent}}).code == code


def test_rule_44_every_member_is_read_or_kept() -> None:
    """Unknown members are kept, and known members of an unexpected shape."""
    body = {
        "error": {
            "code": "A",
            "message": "b",
            "target": "c",
            "details": [{"code": "D", "possibleCauses": "e", "recommendedAction": "f"}, {"Message": "g"}, "h"],
            "innerError": {"code": "I", "trace": [1]},
            "additionalInfo": [{"type": "J", "info": {"k": 1}}],
            "activityId": "l",
        }
    }
    assert read(body) == ARMError(
        code="A",
        message="b",
        target="c",
        details=(
            ARMError("D", members={"possibleCauses": "e", "recommendedAction": "f"}),
            ARMError(message="g"),
            ARMError(message="h"),
        ),
        innererror={"code": "I", "trace": [1]},
        additional_info=({"type": "J", "info": {"k": 1}},),
        members={"activityId": "l"},
    )
    odd = {"message": {"a": 1}, "target": ["t"], "details": 7, "innererror": "i", "additionalInfo": [1]}
    assert read({"error": {"code": "A", **odd}}) == ARMError("A", members=odd)
    assert read({"code": "A", "additionalInfo": {"type": "J"}}).additional_info == ({"type": "J"},)
    empty: dict[str, object] = {"code": "", "target": None, "details": [], "innererror": {}, "additionalInfo": None}
    assert read({"error": {"message": "b", **empty}}) == ARMError(message="b")


def test_rule_44_details_may_be_one_object_or_hold_the_error_in_a_wrapper() -> None:
    """Neither is the contract's shape; both are sent."""
    assert read({"code": "A", "details": SENT}).details == (CONFLICT,)
    assert read({"code": "A", "details": [{"error": SENT}]}).details == (CONFLICT,)
    assert read({"error": [SENT]}) == ARMError(details=(CONFLICT,))
    assert read({"error": {"details": [SENT]}}) == ARMError(details=(CONFLICT,))
    assert read([SENT]) == ARMError(details=(CONFLICT,))


def test_rule_44_json_in_a_message_is_one_more_detail() -> None:
    """Deployments: a detail's message is the JSON text of another service's answer."""
    text = json.dumps({"error": SENT}, indent=2)
    body = {
        "error": {"code": "DeploymentFailed", "message": "See inside.", "details": [{"code": "X", "message": text}]}
    }
    error = read(body)
    assert error.details[0] == ARMError("X", text, details=(CONFLICT,))
    assert describe(error) == "DeploymentFailed: See inside. [Conflict: the name is taken]"
    assert describe(error.details[0]) == "X [Conflict: the name is taken]"


def test_rule_44_json_in_a_message_without_a_code_is_the_error() -> None:
    """Details beside it are kept."""
    error = read({"message": json.dumps({"code": "A", "details": [{"code": "B"}]}), "details": [{"code": "C"}]})
    assert error == ARMError("A", details=(ARMError("B"), ARMError("C")))


def test_rule_44_depth_is_limited_to_8_levels() -> None:
    """Deeper levels are kept as sent."""
    body: dict[str, object] = {"code": "deepest"}
    for number in range(100):
        body = {"code": str(number), "details": [body]}
    for sent in (body, {"error": body}):
        error = read(sent)
        assert levels(error) == 8
        while error.details:
            error = error.details[0]
        assert "details" in error.members


def test_rule_44_depth_is_limited_where_json_holds_json() -> None:
    """Wrappers, and JSON within JSON, count as levels."""
    text = json.dumps(SENT)
    wrapped: object = {"error": SENT}
    for _ in range(12):
        text, wrapped = json.dumps({"error": text}), {"error": wrapped}
    assert read(text.encode()).code is None
    assert read(wrapped).code is None


@pytest.mark.parametrize("body", ["{}", '{{"error": {}}}', "<Error><Code>A</Code><Message>{}</Message></Error>"])
def test_rule_44_json_in_a_message_counts_for_two_levels(body: str) -> None:
    """A document, and the error in it; the rest of the messages stays text."""
    text = json.dumps({"code": "deepest"})
    for number in range(12):
        text = json.dumps({"code": str(number), "message": text})
    error = read(body.format(text).encode())
    assert levels(error) == 5
    while error.details:
        error = error.details[0]
    assert error.message is not None
    assert error.message.startswith("{")


def test_rule_44_json_in_a_message_at_the_last_level_stays_text() -> None:
    """It would hold a level more."""
    body: dict[str, object] = {"code": "8", "message": json.dumps(SENT)}
    for number in range(7, 0, -1):
        body = {"code": str(number), "details": [body]}
    assert (levels(read(body)), levels(read({"error": body}))) == (8, 8)


@pytest.mark.parametrize(("times", "code"), [(4, "Conflict"), (5, None)])
def test_rule_44_a_wrapper_counts_for_two_levels(times: int, code: str | None) -> None:
    """The object, and the error in it."""
    body: object = SENT
    for _ in range(times):
        body = {"error": body}
    assert read(body).code == code


@pytest.mark.parametrize(("times", "code"), [(4, "deepest"), (5, None)])
def test_rule_44_a_wrapper_with_only_a_message_counts_for_two_levels(times: int, code: str | None) -> None:
    """The innermost error is the whole of it."""
    text = json.dumps({"code": "deepest"})
    for _ in range(times):
        text = json.dumps({"message": text})
    assert read(text.encode()).code == code


@pytest.mark.slow
def test_rule_44_the_count_of_errors_is_limited() -> None:
    """Broad bodies and deep ones alike: 256 in all, each wrapper counted, and nothing for a place that is empty."""
    flat = {"code": "A", "details": [{"code": "B"}] * 10_000}
    deep: dict[str, object] = {"code": "A"}
    for _ in range(5):
        deep = {"code": "A", "details": [deep] * 10}
    for body in (flat, deep):
        assert (total(read(body)), total(read({"error": body}))) == (256, 255)
    for wrapped in ({"error": SENT}, {"properties": {"error": SENT}}):
        assert total(read({"code": "A", "details": [wrapped] * 1000})) == 128
    assert total(read({"code": "A", "details": [json.dumps({"message": json.dumps(SENT)})] * 1000})) == 86
    assert total(read({"code": "A", "details": [{"code": "B", "message": json.dumps(SENT)}] * 1000})) == 256


def test_rule_44_an_object_with_more_than_1000_members_is_not_an_error() -> None:
    """Neither as a whole, nor where an error, a message or an inner error stands."""
    for count, is_read in ((1000, True), (1001, False)):
        fill = {str(number): 0 for number in range(count)}
        error, text = ({**sent, **dict(list(fill.items())[len(sent) :])} for sent in (SENT, {"value": "b"}))
        assert (read(error).code == "Conflict") is is_read
        assert (read({"error": error}).code == "Conflict") is is_read
        assert (read({"code": "A", "message": text}).message == "b") is is_read
        assert (read({"code": "A", "innererror": error}).innererror == error) is is_read


def test_rule_44_an_empty_object_is_not_an_error() -> None:
    assert read({"a": 1}) == read({"error": {"a": 1}}) == ARMError()


def test_rule_44_the_answer_is_described_with_the_error() -> None:
    """HTTP status, raw text, request id and correlation id."""
    body = json.dumps({"error": SENT}).encode()
    found = read_error(answer(body, x_ms_request_id="r-1", x_ms_correlation_request_id="c-1"))
    assert found == ServiceError(409, CONFLICT, body.decode(), request_id="r-1", correlation_id="c-1")
    bare = read_error(answer(b"", 500))
    assert bare == ServiceError(500, ARMError(), "", request_id=None, correlation_id=None)


def test_errors_are_values() -> None:
    """Exceptions that carry them are pickled between processes."""
    found = read_error(answer({"error": {**SENT, "details": [SENT], "innererror": {"a": 1}}}))
    assert pickle.loads(pickle.dumps(found)) == found  # noqa: S301 - of our own making


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ARMError(), "the service gave no reason"),
        (ARMError("A"), "A"),
        (ARMError(message="b"), "b"),
        (ARMError("A", "b"), "A: b"),
        (ARMError("A", "b", details=(ARMError("C", "d"), ARMError("E", "f"))), "A: b [C: d]"),
        (ARMError("A", "b", details=(ARMError(target="t"), ARMError("E", "f"))), "A: b [E: f]"),
        (ARMError("A", "b", details=(ARMError("C", details=(ARMError("D", "e"),)),)), "A: b [D: e]"),
        (ARMError(details=(ARMError("C", "d"),)), "C: d"),
        (ARMError("A", "b", details=(ARMError("A", "b"),)), "A: b"),
        (ARMError("A", "b", innererror={"code": "C", "innererror": {"code": "D"}}), "A: b [D]"),
        (ARMError("A", "b", innererror={"trace": "x"}), "A: b"),
        (ARMError("A", "b", details=(ARMError("C"),), innererror={"code": "D"}), "A: b [C]"),
        (ARMError("A", '{"b": 1}'), 'A: {"b": 1}'),
        (ARMError("A", '{"code": "C"}', details=(ARMError("C", "d"),)), "A [C: d]"),
        (ARMError(message='{"code": "C"}', details=(ARMError("C", "d"),)), "C: d"),
        (ARMError("A", "two\r\nlines \x1b[31m\u2028\u202e"), r"A: two\r\nlines \x1b[31m\u2028\u202e"),
    ],
)
def test_rule_45_an_error_is_one_line_for_people(error: ARMError, line: str) -> None:
    """The innermost useful error stands beside the outermost."""
    assert describe(error) == line
    assert repr(error) == f"<ARMError {line}>"
    assert repr(ServiceError(409, error, "canary")) == f"<ServiceError 409, {line}>"


def test_rule_45_a_long_message_leaves_room_for_its_cause() -> None:
    """512 characters in all, half of them for the cause if it needs them."""
    line = describe(ARMError("A", "x" * 9000, details=(ARMError("C", "why"),)))
    assert len(line) == 512
    assert line.endswith("x… [C: why]")
    both = describe(ARMError("A", "x" * 9000, details=(ARMError("C", "y" * 9000),)))
    assert len(both) == 512
    assert both.endswith(f"x… [C: {'y' * 252}…]")


@pytest.mark.parametrize("limit", range(9))
def test_rule_45_no_limit_is_too_short(limit: int) -> None:
    """A limit may leave no space for a cause."""
    line = describe(ARMError("A", "x" * 99, details=(ARMError("C", "y" * 99),)), limit)
    assert len(line) == limit


def test_rule_45_a_chain_of_any_length_is_described() -> None:
    """Errors that no body could hold are no reason for a RecursionError."""
    error = ARMError("deepest")
    for _ in range(5000):
        error = ARMError("A", "b", details=(error,))
    assert describe(error) == "A: b"


NAMES = [
    *["error", "Code", "message", "detail", "details", "innererror", "target", "additionalInfo"],
    *["properties", "statusMessage", "odata.error", "value", "x"],
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES), inner | inner.map(json.dumps), max_size=5)
    ),
    max_leaves=20,
)


@given(st.binary() | JSON.map(lambda value: json.dumps(value).encode()), st.integers(-1, 600))
def test_rules_44_and_45_any_body_is_read_and_described(body: bytes, limit: int) -> None:
    """Nothing is raised, and the line is one line within its limit."""
    found = read_error(answer(body))
    line = describe(found.error, limit)
    assert len(line) <= max(limit, 0)
    assert len(line.splitlines()) <= 1
    assert total(found.error) <= 256
    assert len(repr(found)) <= 540


@given(st.text("<>/!&;ErrorCdMsag \"'=[]?-\0\ufeff"))
def test_rule_44_any_marked_up_text_is_read(text: str) -> None:
    """HTML, XML and what looks like either."""
    assert read_error(answer(f"<{text}".encode())).raw.startswith("<")
