"""The error a service reports, read wherever services put it (rule 44).

The contract has one place for it, `error` at the top of the body; services know more. The first place with a
code, a message or details is taken, and `{}` is none of these:

| order | place                          | seen in                                                       |
|-------|--------------------------------|---------------------------------------------------------------|
| 1     | `error`                        | the contract; as a string, with its text beside it, in OAuth  |
| 2     | `properties.error`             | resources with a failed `provisioningState`                   |
| 3     | `properties.statusMessage`     | deployment operations: a whole document, or its JSON text     |
| 4     | `odata.error`                  | OData 3, whose message is `{"lang": ..., "value": ...}`       |
| 5     | the top level                  | App Service (`Code`, `Message`, `Details`), Web API           |
| 6     | the XML element `Error`        | Storage, Service Bus, OData                                   |
| 7     | the body's own text            | gateways: a plain line; never HTML, broken JSON or binary     |

`x-ms-error-code` gives the code that none of these gave. Member names match without case everywhere. Wherever
an error or a message may stand, JSON text of one is read too: as the error itself where nothing else gives a
code, else as one more detail. Bodies are hostile until shown otherwise: at most 8 levels and 256 errors are
read, of no more than 1,000 members each, XML with a DTD is not, and what was not understood stays in `members` and
in `raw`.

Source: rule 44; ARM RPC common-api-details, "Error response content"; OData JSON 4.0, section 19.
"""

# Without `from __future__ import annotations`: a NamedTuple would compile each of its own when it is imported.

from collections.abc import Callable, Mapping
from itertools import takewhile
from typing import NamedTuple, TypeVar

from azpoll.protocol.answer import Answer, BodyProblem, is_object, read_status
from azpoll.protocol.error_body import is_list, json_in, member, raw_text, xml_members
from azpoll.protocol.redaction import escape_for_display

_MAX_DEPTH = 8
_MAX_ERRORS = 256
_MAX_MEMBERS = 1000

# The order is the rule (rows 1 to 4 of the table above).
_PLACES = (("error",), ("properties", "error"), ("properties", "statusmessage"), ("odata.error",))
_NO_REASON = "the service gave no reason"
_NOTHING: Mapping[str, object] = {}

_T = TypeVar("_T")


class ARMError(NamedTuple):
    """One error of a service, with all that was sent.

    Attributes:
        code: for programs, such as `Conflict`; numbers are turned into text.
        message: for people, as sent: not escaped, so not for a log; see `describe`. `detail` where there is
            no `message` (Service Bus; RFC 9457).
        target: what the error is about.
        details: errors beneath this one, those sent as JSON text in its message included.
        innererror: as sent.
        additional_info: as sent; `type` and `info` in each by the contract.
        members: all other members by the name they were sent with, and known ones of an unexpected shape.
    """

    code: str | None = None
    message: str | None = None
    target: str | None = None
    details: tuple["ARMError", ...] = ()
    innererror: Mapping[str, object] | None = None
    additional_info: tuple[Mapping[str, object], ...] = ()
    members: Mapping[str, object] = _NOTHING

    def __repr__(self) -> str:
        """Tell what `describe` tells (rule 45)."""
        return f"<ARMError {describe(self)}>"


class ServiceError(NamedTuple):
    """An error and the answer that brought it.

    Attributes:
        status_code: of the HTTP answer; 200 when a status monitor reports a failed operation.
        error: with no code, message or details when the service gave none.
        raw: the start of the body as text, 64 KiB at most; not escaped.
        request_id: `x-ms-request-id`, which support asks for.
        correlation_id: `x-ms-correlation-request-id`.
    """

    status_code: int
    error: ARMError
    raw: str
    request_id: str | None = None
    correlation_id: str | None = None

    def __repr__(self) -> str:
        """Tell the status code and what `describe` tells (rule 45)."""
        return f"<ServiceError {self.status_code}, {describe(self.error)}>"


def read_error(answer: Answer) -> ServiceError:
    """Return the error in an answer, an empty one if there is none. Never raises."""
    raw = raw_text(answer.body)
    document = read_status(answer)
    reader = _Reader()
    found = reader.text_body(raw) if isinstance(document, BodyProblem) else reader.document(document, 0)
    error = found or ARMError()
    if error.code is None:
        error = error._replace(code=answer.headers.get("x-ms-error-code"))
    return ServiceError(
        status_code=answer.status_code,
        error=error,
        raw=raw,
        request_id=answer.headers.get("x-ms-request-id"),
        correlation_id=answer.headers.get("x-ms-correlation-request-id"),
    )


def describe(error: ARMError, limit: int = 512) -> str:
    """Return one line for people, at most `limit` characters: `Code: message [Code: message of the cause]`.

    The cause is the innermost error along the first useful details, or along `innererror` where there are no
    details. It gets up to half of the line, so that a long outer message cannot push it out. Never raises.

    Source: rule 45; threat T14.
    """
    outer, cause = _sentence(error), _sentence(_cause(error))
    if not outer or cause in outer:
        return escape_for_display(outer or cause or _NO_REASON, limit)
    inside = f" [{escape_for_display(cause, limit // 2)}]"
    return escape_for_display(escape_for_display(outer, limit - len(inside)) + inside, limit)


def _sentence(error: ARMError) -> str:
    message = error.message or ""
    if error.details and json_in(message) is not None:
        message = ""  # what it holds is among the details, in readable form
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
    """Reads one body, and counts the errors that may still be read from it."""

    __slots__ = ("_left",)

    def __init__(self) -> None:
        self._left = _MAX_ERRORS

    def document(self, value: object, depth: int) -> ARMError | None:
        """Return the error somewhere in a whole document: a wrapped one first, the top level last."""
        if not is_object(value):
            return self.error(value, depth)
        self._left -= 1
        if (sent := _object(value)) is None:
            return None
        sent = _unworded(sent)
        return self._placed(sent, depth) or self._top(sent, depth + 1)

    def error(self, value: object, depth: int) -> ARMError | None:
        """Return the error that `value`, standing where an error belongs, is: its own members come first."""
        self._left -= 1
        if depth > _MAX_DEPTH or self._left < 0:
            return None
        if isinstance(value, str):
            inner = self._of_json(value, depth)
            return inner or (ARMError(message=value) if value.strip() else None)
        if is_list(value):
            details = self._details(value, depth)
            return ARMError(details=details) if details else None
        if (sent := _object(value)) is None:
            return None
        error = self.record(sent, depth)
        if _speaks(error):
            return error
        return self._placed(sent, depth + 1) or (error if error.details else None)

    def record(self, sent: Mapping[str, object], depth: int) -> ARMError:
        """Return the error whose members are `sent`."""
        members = _Members(sent)
        error = ARMError(
            code=members.take("code", _text),
            message=members.take("message", _text) or members.take("detail", _text),
            target=members.take("target", _text),
            details=members.take("details", lambda value: self._details(value, depth)) or (),
            innererror=members.take("innererror", _object),
            additional_info=members.take("additionalinfo", _objects) or (),
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

    def _placed(self, document: Mapping[str, object], depth: int) -> ARMError | None:
        for path in _PLACES:
            value: object = document
            for name in path:
                value = member(value, name)
            error = None if value is None else self.error(value, depth + 1)
            if error is not None:
                return error
        return None

    def _details(self, value: object, depth: int) -> tuple[ARMError, ...] | None:
        items = value if is_list(value) else [value]
        found = (self.error(item, depth + 1) for item in takewhile(lambda _: self._left > 0, items))
        return tuple(error for error in found if error is not None) or None

    def _of_json(self, text: str, depth: int) -> ARMError | None:
        document = json_in(text) if depth < _MAX_DEPTH and self._left > 0 else None
        return None if document is None else self.document(document, depth + 1)


def _unworded(document: dict[str, object]) -> dict[str, object]:
    """Return the document in the contract's shape where `error` is a word with its text beside it.

    So in OAuth 2 (RFC 6749 5.2) and where a framework names the HTTP status; another `code` beside it wins.
    """
    members = _Members(document)
    word = members.take("error", _string)
    message = members.take("error_description", _text) or members.take("message", _text)
    if word is None or message is None:
        return document
    code = members.take("code", _text) or word
    return {"code": code, "message": message, **members.left}


class _Members:
    """The members of an object, found by name in any case; the first of several spellings counts.

    Attributes:
        left: those that were not taken.
    """

    __slots__ = ("_keys", "left")

    def __init__(self, sent: Mapping[str, object]) -> None:
        self.left = dict(sent)
        self._keys = {key.lower(): key for key in reversed(self.left)}

    def take(self, name: str, read: Callable[[object], _T | None]) -> _T | None:
        """Return what `read` makes of a member, and take it out unless it holds what `read` cannot read."""
        key = self._keys.get(name)
        if key is None:
            return None
        value = read(self.left[key])
        if value is not None or self.left[key] in (None, "", [], {}):
            del self.left[key]
        return value


def _text(value: object) -> str | None:
    if is_object(value):
        value = member(_object(value), "value")  # OData: {"lang": "en-us", "value": "..."}
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return _string(value)


def _string(value: object) -> str | None:
    return value if isinstance(value, str) and value.strip() else None


def _object(value: object) -> dict[str, object] | None:
    return value if is_object(value) and 0 < len(value) <= _MAX_MEMBERS else None


def _objects(value: object) -> tuple[dict[str, object], ...] | None:
    items = value if is_list(value) else [value]
    objects = tuple(filter(is_object, items))
    return objects if len(objects) == len(items) else None
