"""Version 1 of the resume token: the URLs of an operation, and how they are read (rule 42).

Members: `method`, `resource`, `pattern`, `url`; if they are known, `fallback`, `location`, `refused` (a rejected
location), `via` (`final_state_via`), `request_id` and `not_before`.
"""

from collections.abc import Mapping

from azpoll.protocol.patterns import BY_NAME
from azpoll.protocol.plan import METHODS, FinalStateVia
from azpoll.protocol.token_content import FETCHING, InvalidToken, Token, is_plain, is_unix_time

MEMBERS = ("method", "resource", "pattern", "url", "fallback", "location", "via", "request_id", "not_before", "refused")
"""The names of the members of the JSON object, in the order of the fields of a `Token`."""

_KNOWN, _REQUIRED = frozenset(MEMBERS), frozenset({"method", "resource", "pattern", "url"})
_PATTERNS, _VIAS = frozenset({FETCHING, *BY_NAME}), frozenset({None, *FinalStateVia})


def read(members: Mapping[str, object]) -> Token:
    """Return the token of a JSON object without its version.

    Raises:
        InvalidToken: the object is not one of this schema.
    """
    if not _REQUIRED <= members.keys() <= _KNOWN:
        raise InvalidToken("its members are not those of a resume token")
    not_before = members.get("not_before", 0.0)
    if not is_unix_time(not_before):
        raise InvalidToken("its time is not a time")
    texts = {name: value for name, value in members.items() if is_plain(value)}
    if len(texts) != len(members) - ("not_before" in members):
        raise InvalidToken("its members are not plain text")
    if texts["method"] not in METHODS or texts["pattern"] not in _PATTERNS:
        raise InvalidToken("it names an unknown method or polling pattern")
    via = texts.get("via")
    if via not in _VIAS:
        raise InvalidToken("it names an unknown final_state_via")
    return Token(
        method=texts["method"],
        resource_url=texts["resource"],
        pattern=texts["pattern"],
        url=texts["url"],
        fallback=texts.get("fallback"),
        location=texts.get("location"),
        final_state_via=None if via is None else FinalStateVia(via),
        client_request_id=texts.get("request_id"),
        not_before=float(not_before),
        rejected_location=texts.get("refused"),
    )
