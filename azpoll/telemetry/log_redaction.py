"""A filter of stdlib logging that masks URLs and credentials in the records of HTTP libraries.

httpx and httpx2 log the full URL of each request at INFO. httpcore and httpcore2 log the headers of each answer at
DEBUG. The URLs of Azure's polls are signed: a reader of the log could use them.
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

from azpoll.protocol.redaction import masked_url

if TYPE_CHECKING:
    from collections.abc import Callable

_HTTPCORE = ("", ".connection", ".http11", ".http2", ".proxy", ".socks")

LOGGERS = ("httpx", "httpx2", *(f"{library}{below}" for library in ("httpcore", "httpcore2") for below in _HTTPCORE))
"""The loggers of the HTTP libraries. A filter of a logger does not see the records of the loggers below it."""

_MASK = "***"

# Each pattern takes linear time: none can begin within a run of the characters that it repeats, or the run is limited.
_SENSITIVE_NAME = (
    r"(?<![\w-])(?:authorization|proxy-authorization|www-authenticate|cookie|set-cookie|"
    r"[\w-]{0,40}(?:(?:api|account|access|subscription|functions)-?key|token|secret|signature))"
)
_HEADER_PAIR = re.compile(  # as Python shows a pair of texts or of bytes
    rf"(\(b?(['\"]){_SENSITIVE_NAME}\2,\s?b?)(?:'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")",
    re.IGNORECASE,
)
_NAMED_VALUE = re.compile(
    rf"({_SENSITIVE_NAME}['\"]?\s?[:=]\s?)(?:(?:bearer|basic|sharedkey\w{{0,8}})\s+)?[^\s,;&'\"]+", re.IGNORECASE
)
_URL = re.compile(r"(?:(?<![A-Za-z0-9+.-])[A-Za-z][A-Za-z0-9+.-]{0,15}:/)?/(?:[^\s\"'<>]|'(?=[\w&=%.~*$+-]))+")
_QUERY_VALUE = re.compile(r"([?&][\w.$%~\[\]-]+=)[^&\s\"'<>]+")
_TOKEN = re.compile(r"\b((?:bearer|basic|sharedkeylite|sharedkey)\s)[A-Za-z0-9._~+/=:-]{8,}", re.IGNORECASE)
_JWT = re.compile(r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{5,}(?:\.[A-Za-z0-9_-]+){1,4}")


def redacted(text: str) -> str:
    """Return a text with the values of queries, of secret headers and of tokens masked.

    A URL keeps its scheme, host and path, and the names of its query, as in the texts of azpoll itself (rule 45).
    """
    text = _HEADER_PAIR.sub(rf"\1'{_MASK}'", text)
    text = _URL.sub(_masked, text)
    for pattern in (_QUERY_VALUE, _TOKEN, _NAMED_VALUE):
        text = pattern.sub(rf"\1{_MASK}", text)
    return _JWT.sub(_MASK, text)


class RedactingFilter(logging.Filter):
    """Masks the values of queries, and credentials, in each record; it drops none.

    It applies to the message and to the text of an exception. Add it to a handler, to cover each logger that the
    handler serves, or to loggers with `redact_logs`. A record that holds no secret is not changed.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Mask a record, and let it pass."""
        try:
            text = record.getMessage()
        except Exception:  # noqa: BLE001 - arguments that do not fit; the handler reports it
            record.msg, record.args = redacted(str(record.msg)), ()
            return True
        masked = redacted(text)
        if masked != text:
            record.msg, record.args = masked, ()
        if record.exc_info and record.exc_info[0] is not None and not record.exc_text:
            trace = logging.Formatter().formatException(record.exc_info)
            masked = redacted(trace)
            if masked != trace:  # a handler that formats the exception itself would show it
                record.exc_text, record.exc_info = masked, None
        if record.exc_text:
            record.exc_text = redacted(record.exc_text)
        return True


def redact_logs(*loggers: str) -> Callable[[], None]:
    """Add a `RedactingFilter` to loggers, by default to those of httpx, httpx2, httpcore and httpcore2.

    Returns a function that removes the filter. The loggers need not exist yet.
    """
    redacting = RedactingFilter()
    filtered = [logging.getLogger(name) for name in loggers or LOGGERS]
    for logger in filtered:
        logger.addFilter(redacting)

    def remove() -> None:
        for logger in filtered:
            logger.removeFilter(redacting)

    return remove


def _masked(found: re.Match[str]) -> str:
    url = found[0]
    return masked_url(url) if "?" in url or "://" in url else url
