"""Text of services made safe to show: one line, no control characters, no secrets (rule 45)."""

from __future__ import annotations

import unicodedata

_CUT = "…"
_MASK = "***"


def escape_for_display(text: str, limit: int = 512) -> str:
    r"""Return one line of at most `limit` characters, without any that act on a terminal or a log.

    Controls, line separators, bidi and other invisible format controls, lone surrogates and unassigned code points are
    escaped as Python writes them (`\n`, `\x1b`, `\u202e`). Backslashes stay, so a second pass changes nothing. Text
    that was cut ends in an ellipsis, never within an escape. The cost depends on `limit` alone.

    Source: rule 45; OWASP log injection; CVE-2021-42574 for bidi controls.
    """
    if limit < 1:
        return ""
    if len(text) <= limit and text.isprintable():  # nearly always; the loop takes 0.1 us per character
        return text
    shown = [_shown(character) for character in text[: limit + 1]]
    size = sum(map(len, shown))
    if size <= limit:
        return "".join(shown)
    while size > limit - len(_CUT):
        size -= len(shown.pop())
    return "".join(shown) + _CUT


def masked_url(url: str) -> str:
    r"""Return the URL for repr, logs and errors: scheme, host, path and query *names*. Never raises.

    A query part without `=` may be a secret as a whole, so it is masked too. Text before an `@` is dropped from every
    segment. Lenient parsers take `\` for `/`, so it separates segments too. The result is one line of at most 512
    characters, escaped by `escape_for_display`, even for a string that is no URL.

    Source: rule 45; RFC 3986 3.2.1 and 7.5.
    """
    location, question, query = url.partition("#")[0].partition("?")
    location = location.replace("\\", "/")
    if "@" in location:
        location = "/".join([segment.rpartition("@")[2] for segment in location.split("/")])
    return escape_for_display(location + question + "&".join(map(_masked_part, query.split("&"))))


def masked_label(label: str) -> str:
    """Return a caller's label for repr, logs and errors: a URL in it, which may be signed, is as in `masked_url`."""
    return masked_url(label) if "://" in label or label.startswith("/") else label


def _shown(character: str) -> str:
    # Python counts every blank but U+0020 as not printable; messages in French and Chinese use others.
    if character.isprintable() or unicodedata.category(character) == "Zs":
        return character
    return character.encode("unicode_escape").decode("ascii")


def _masked_part(part: str) -> str:
    name, equals, _ = part.partition("=")
    if equals:
        return f"{name}={_MASK}"
    return _MASK if part else ""
