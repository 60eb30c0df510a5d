"""The error that a service reports, found at any of the places that services use (rule 44).

The contract has one place: `error` at the top of the body. Services use more. The first place with a code, a message
or details counts. An empty object has none of these.

| order | place                          | used by                                                       |
|-------|--------------------------------|---------------------------------------------------------------|
| 1     | `error`                        | the contract; as a string, with its text beside it, in OAuth  |
| 2     | `properties.error`             | resources with a failed `provisioningState`                   |
| 3     | `properties.statusMessage`     | deployment operations: a whole document, or its JSON text     |
| 4     | `odata.error`                  | OData 3, whose message is `{"lang": ..., "value": ...}`       |
| 5     | the top level                  | App Service (`Code`, `Message`, `Details`), Web API, RFC 9457 |
| 6     | `OTHER_NAMES`, at the top or   | Fabric, Document Translation, Power BI, Data Factory, OpenAI: |
|       | in `properties`                | text, an object, or a list of errors                          |
| 7     | the XML element `Error`        | Storage, Service Bus, OData                                   |
| 8     | the text of the body           | gateways: a plain line; never HTML, broken JSON or binary     |

Row 6 also supplies the message if row 5 has a code alone. `x-ms-error-code` supplies the code if none of these has one.
Member names match in any case. JSON text in place of an error or a message is read too: as the error itself if nothing
else has a code, else as one more detail.

Bodies may be hostile. At most 8 levels and 256 errors are read, with at most 1,000 members each. XML with a DTD is not
read. Anything that was not understood stays in `members` and in `raw`.

Source: rule 44; ARM RPC common-api-details, "Error response content"; OData JSON 4.0, section 19.
"""

from collections.abc import Iterable, Mapping
from itertools import takewhile
from typing import NamedTuple

from azpoll.protocol.answer import Answer
from azpoll.protocol.error_body import (
    Members,
    joined,
    json_in,
    member_in_any_case,
    object_of,
    objects_of,
    problem_text,
    raw_text,
    string_of,
    text_of,
    xml_members,
)
from azpoll.protocol.json_body import BodyProblem, is_list, is_object
from azpoll.protocol.reading import Reading
from azpoll.protocol.redaction import escape_for_display

ERROR_CODE = "x-ms-error-code"
HEADERS = (ERROR_CODE,)
"""The headers that this module reads."""

_MAX_DEPTH = 8
_MAX_ERRORS = 256

# The order is the rule (rows 1 to 4 of the table above).
_PLACES = (("error",), ("properties", "error"), ("properties", "statusmessage"), ("odata.error",))

OTHER_NAMES = (
    "errors",
    "errormessage",
    "failurereason",
    "resultmessage",
    "statusdescription",
    "statusdetails",
    "status_details",
    "messages",
)
"""Lower-case members that hold the reason of a failure in documents without an error of the contract."""

_OTHER_PLACES = (*((name,) for name in OTHER_NAMES), *(("properties", name) for name in OTHER_NAMES))


class ARMError(NamedTuple):
    """One error of a service, complete.

    Attributes:
        code: for programs, such as `Conflict`; a number becomes text.
        message: for people, as sent. It is not escaped, so do not log it; see `describe`.
        target: the part of the request that the error is about.
        details: the errors below this one, including those in the JSON text of its message.
        additional_info: as sent; by the contract each has `type` and `info`.
        members: all other members under their names as sent, and known members of an unexpected shape.

    From a body of more than 64 KiB, numbers with a fraction are text in `innererror`, `additional_info` and `members`.
    """

    code: str | None = None
    message: str | None = None
    target: str | None = None
    details: tuple["ARMError", ...] = ()
    innererror: Mapping[str, object] | None = None
    additional_info: tuple[Mapping[str, object], ...] = ()
    members: Mapping[str, object] = {}

    def __repr__(self) -> str:
        return f"<ARMError {describe(self)}>"


class ServiceError(NamedTuple):
    """An error, and facts about its answer.

    Attributes:
        status_code: of the HTTP answer; 200 if a status monitor reports a failed operation.
        error: without code, message and details if the service sent none.
        raw: the start of the body as text, at most 64 KiB; not escaped.
        request_id: `x-ms-request-id`, for the support of the service.
    """

    status_code: int
    error: ARMError
    raw: str
    request_id: str | None = None
    correlation_id: str | None = None

    def __repr__(self) -> str:
        return f"<ServiceError {self.status_code}, {describe(self.error)}>"


def read_error(answer: Answer) -> ServiceError:
    """Return the error in an answer; an empty one without an error. Never raises."""
    raw = raw_text(answer.body)
    reading, reader = Reading(answer), _Reader()
    document = reading.json
    found = reader.text_body(raw) if isinstance(document, BodyProblem) else reader.document(document, 0)
    error = found or ARMError()
    if error.code is None:
        error = error._replace(code=answer.headers.get(ERROR_CODE))
    return ServiceError(answer.status_code, error, raw, *reading.request_ids)


def describe(error: ARMError, limit: int = 512) -> str:
    """Return one line for people, at most `limit` characters: `Code: message [Code: message of the cause]`.

    The cause is the innermost error along the first details with a code or message, or along `innererror` without
    details. It gets up to half of the line, so that a long outer message cannot push it out. Never raises.

    Source: rule 45; threat T14.
    """
    outer, cause = _sentence(error), _sentence(_cause(error))
    if not outer or cause in outer:
        return escape_for_display(outer or cause or "the service gave no reason", limit)
    inside = f" [{escape_for_display(cause, limit // 2)}]"
    return escape_for_display(escape_for_display(outer, limit - len(inside)) + inside, limit)


def reason_of(reported: ServiceError) -> str:
    """Return the reason of a failure for people: the error in one line, else the start of the body (rule 44)."""
    if is_explained(reported.error) or not (body := reported.raw.strip()):
        return describe(reported.error)
    return f"the service gave no reason; its answer begins: {escape_for_display(body)}"


def is_explained(error: ARMError) -> bool:
    """Whether the error has a code, a message or details."""
    return _speaks(error) or bool(error.details)


def _sentence(error: ARMError) -> str:
    message = error.message
    if message and error.details and json_in(message) is not None:
        return error.code or ""  # the content of the message is among the details, in readable form
    return ": ".join(filter(None, (error.code, message)))


def _cause(error: ARMError) -> ARMError:
    for _ in range(_MAX_DEPTH):
        inner = _Reader().record(error.innererror or {}, _MAX_DEPTH)
        below = next(filter(_speaks, (*error.details, inner)), None)
        if below is None:
            break
        error = below
    return error


def _speaks(error: ARMError) -> bool:
    return error.code is not None or error.message is not None


class _Reader:
    """Reads one body, and counts down the errors that may still be read from it."""

    def __init__(self) -> None:
        self._left = _MAX_ERRORS

    def document(self, value: object, depth: int) -> ARMError | None:
        """Return the error in a whole document: a wrapped one first, the top level last."""
        if not is_object(value):
            return self.error(value, depth)
        self._left -= 1
        if (sent := object_of(value)) is None:
            return None
        sent = _unworded(sent)
        if (placed := self._placed(sent, _PLACES, depth)) is not None:
            return placed
        top = self._top(sent, depth + 1)
        if top is not None and (top.message is not None or top.details):
            return top
        other = self._placed(sent, _OTHER_PLACES, depth)
        if other is not None and not _speaks(other):  # a list: its first error speaks for all
            first, *more = other.details
            other = other._replace(code=first.code, message=first.message) if more else first
        if top is None or other is None:
            return top or other
        return other._replace(code=top.code, target=top.target or other.target)

    def error(self, value: object, depth: int) -> ARMError | None:
        """Return the error of a value at the place of an error: its own members come before wrapped ones."""
        self._left -= 1
        if depth > _MAX_DEPTH or self._left < 0:
            return None
        if isinstance(value, str):
            inner = self._of_json(value, depth)
            return inner or (ARMError(message=value) if value.strip() else None)
        if is_list(value):
            details = self._details(value, depth)
            return ARMError(details=details) if details else None
        if (sent := object_of(value)) is None:
            return None
        error = self.record(sent, depth)
        if _speaks(error):
            return error
        return self._placed(sent, _PLACES, depth + 1) or (error if error.details else None)

    def record(self, sent: Mapping[str, object], depth: int) -> ARMError:
        """Return the error whose members are `sent`."""
        members = Members(sent)

        def read_details(value: object) -> tuple[ARMError, ...] | None:
            return self._details(value, depth)

        error = ARMError(
            code=members.take("code", text_of) or members.take("errorcode", text_of),
            message=members.take("message", text_of) or members.take("errormessage", text_of) or problem_text(members),
            target=members.take("target", text_of),
            details=members.take("details", read_details) or members.take("errors", read_details) or (),
            innererror=members.take("innererror", object_of),
            additional_info=members.take("additionalinfo", objects_of) or (),
            members=members.left,
        )
        inner = self._of_json(error.message or "", depth)
        if inner is None:
            return error
        if error.code is None:
            return inner._replace(details=(*inner.details, *error.details))
        return error._replace(details=(*error.details, inner))

    def text_body(self, raw: str) -> ARMError | None:
        """Return the error in a body that is not JSON: XML, or a plain line, which is the message."""
        text = raw.strip()
        if text.startswith("<"):
            return self._top(xml_members(text), 1)
        readable = bool(text) and text[0] not in "{[" and not any(mark in text for mark in "\0\ufffd")
        return ARMError(message=text) if readable else None

    def _top(self, sent: Mapping[str, object], depth: int) -> ARMError | None:
        error = self.record(sent, depth)
        return error if _speaks(error) else None

    def _placed(
        self, document: Mapping[str, object], places: tuple[tuple[str, ...], ...], depth: int
    ) -> ARMError | None:
        for path in places:
            value: object = document
            for name in path:
                value = member_in_any_case(value, name)
            error = None if value is None else self.error(value, depth + 1)
            if error is not None:
                return error
        return None

    def _details(self, value: object, depth: int) -> tuple[ARMError, ...] | None:
        items: Iterable[object] = value if is_list(value) else [value]
        if is_object(value) and value and all(map(is_list, value.values())):  # ASP.NET: texts by member of the request
            items = ({"target": name, "message": joined(texts)} for name, texts in value.items())
        found = (self.error(item, depth + 1) for item in takewhile(lambda _: self._left > 0, items))
        return tuple(error for error in found if error is not None) or None

    def _of_json(self, text: str, depth: int) -> ARMError | None:
        document = json_in(text) if depth < _MAX_DEPTH and self._left > 0 else None
        return None if document is None else self.document(document, depth + 1)


def _unworded(document: dict[str, object]) -> dict[str, object]:
    """Return the document in the contract's shape if `error` is a word with its text beside it.

    OAuth 2 (RFC 6749 5.2) has this shape, and frameworks that name the HTTP status. Another `code` beside it wins.
    """
    members = Members(document)
    word = members.take("error", string_of)
    message = members.take("error_description", text_of) or members.take("message", text_of)
    if word is None or message is None:
        return document
    code = members.take("code", text_of) or word
    return {"code": code, "message": message, **members.left}
