"""The summary of a resume token, for the features that store tokens (rule 42)."""

from __future__ import annotations

from typing import NamedTuple

from azpoll.errors import InvalidResumeToken
from azpoll.protocol import resume_token
from azpoll.protocol.token_content import InvalidToken
from azpoll.schedule.scopes import scope_of


class TokenSummary(NamedTuple):
    """A part of the content of a token.

    Attributes:
        operation_id: that of the token; derived from its text if it has none (version 1).
        scope: the scope of its read limit: origin, and subscription if there is one.
        header_names: names of the poll headers that the token holds, in lower case.
    """

    operation_id: str
    label: str | None
    scope: str
    header_names: tuple[str, ...]


def summary_of(token: str, token_key: bytes | None = None) -> TokenSummary:
    """Return the summary of a token.

    Raises:
        InvalidResumeToken: the text is no token, or is not signed with this key.
    """
    try:
        content = resume_token.decode(token, token_key)
    except InvalidToken as error:
        raise InvalidResumeToken(f"the resume token cannot be used: {error}") from error
    own_id = content.operation_id or resume_token.derived_id(token)
    names = tuple(name.lower() for name, _ in content.poll_headers)
    return TokenSummary(own_id, content.label, read_scope(content.url), names)


def read_scope(url: str) -> str:
    """Return the scope of the read limit of a URL: origin, and subscription if there is one.

    All relative URLs have one origin.
    """
    if "://" not in url.partition("?")[0]:
        url = f"relative://{'' if url.startswith('/') else '/'}{url}"
    return str(scope_of(url, "")[0])
