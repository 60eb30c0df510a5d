"""Replaces everything in a script that belongs to one recording, so that its shape is left.

A shape keeps codes, header names, status words, and the names and types of the members of bodies. Hosts, paths,
identifiers, times and texts become the same few values in every shape.
"""

from __future__ import annotations

import json
from itertools import pairwise
from urllib.parse import unquote, urljoin, urlsplit

from azpoll.testing.json_types import is_array, is_object
from tests.proofs.recordings.answer_meaning import RUNNING, TERMINAL
from tests.proofs.recordings.operation_script import POLLING_HEADERS, Reply, Script, Step, origin_of, place_of

ORIGIN = "https://azure.test"
FOREIGN = "https://elsewhere.test"
VERSION = "?api-version=1"
RESOURCE = "/widgets/w1"
REGION = "/regions/West%20US"
FOLDERS = {"location": "location", "resourcelocation": "created"}
WIDGET = ORIGIN + RESOURCE + VERSION
"""The URL of every neutral initial request."""

TIME = "2026-01-01T00:00:00Z"
MESSAGE = "the service says why"
STATE_MEMBERS = frozenset({"status", "provisioningstate"})
KEPT_MEMBERS = STATE_MEMBERS | {"error", "properties", "id", "name", "resourcelocation"}
"""The members that a neutral body of a resource keeps, in lower case."""

DESCRIBING = frozenset({"status", "error"})
"""A body with one of these may describe an operation, and keeps all members."""


def neutral_script(script: Script) -> Script:
    """Return the script of the same shape that belongs to no recording. It has no name."""
    return _Neutralizer(script).script()


class _Neutralizer:
    """The neutral URLs of one script: each document that it names has one."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._paths = {place_of(script.url): RESOURCE}

    def script(self) -> Script:
        """Return the neutral script."""
        script = self._script
        initial = self._reply(script.initial, script.url)
        steps = [Step(self._url(step.url), self._reply(step.reply, step.url)) for step in script.steps]
        repeated = {index for index, pair in enumerate(pairwise(steps), 1) if pair[0] == pair[1]}
        kept = [index for index in range(len(steps)) if index not in repeated or index + 1 == script.final_get]
        return script._replace(
            name="",
            url=WIDGET,
            initial=initial,
            steps=tuple(steps[index] for index in kept),
            result=_position(script.result, kept),
            final_get=_position(script.final_get, kept),
            foreign=(FOREIGN,) if script.foreign else (),
            code=None if script.code is None else neutral_code(script.code),
        )

    def _reply(self, reply: Reply, base: str) -> Reply:
        headers = {name: self._named(value, base, name) for name in POLLING_HEADERS if (value := reply.header(name))}
        if wait := reply.header("retry-after"):
            headers["retry-after"] = "0" if wait == "0" else "10"
        document = reply.document()
        if isinstance(document, str) and document == reply.body:
            return Reply(reply.status, headers, neutral_text(document))
        return Reply(reply.status, headers, json.dumps(self._document(document, base)))

    def _document(self, document: object, base: str) -> object:
        if not is_object(document):
            return neutral_value("", document)
        full = not DESCRIBING.isdisjoint(document)
        names = [name for name in document if full or name.lower() in KEPT_MEMBERS]
        neutral = {name: neutral_value(name, document[name]) for name in sorted(names)}
        named = document.get("resourceLocation")
        if isinstance(named, str):
            neutral["resourceLocation"] = self._named(named, base, "resourcelocation")
        return neutral

    def _named(self, value: str, base: str, header: str) -> str:
        """Return the neutral form of a URL in an answer; what is unusual about it stays."""
        value = value.strip()
        parts, place = urlsplit(value), place_of(value, base)
        if parts.scheme not in {"", "https"}:
            return f"{parts.scheme}:{'//' if '://' in value else ''}{RESOURCE}"
        if place not in self._paths:
            folder = FOLDERS.get(header, "monitor")
            number = sum(f"/{folder}/" in path for path in self._paths.values()) + 1
            self._paths[place] = f"{REGION}/{folder}/o{number}"
        path = self._paths[place]
        if " " in value:
            path = unquote(path)
        if "//" in parts.path:
            path = "/" + path
        version = VERSION if "api-version=" in value.lower() else ""
        return self._origin(urljoin(base, value)) * bool(parts.netloc) + path + version

    def _url(self, url: str) -> str:
        return self._origin(url) + self._paths[place_of(url)] + VERSION

    def _origin(self, url: str) -> str:
        if origin_of(url) != origin_of(self._script.url):
            return FOREIGN
        return f"{ORIGIN}:443" if urlsplit(url).netloc.endswith(":443") else ORIGIN


def neutral_value(name: str, value: object) -> object:
    """Return a value of the same type. Status words and the codes of errors stay recognizable."""
    name = name.lower()
    if isinstance(value, str):
        return _neutral_string(name, value)
    if is_object(value):
        kept = [each for each in value if name == "error" or each.lower() in STATE_MEMBERS]
        return {each: neutral_value(each, value[each]) for each in kept}
    if isinstance(value, bool) or value is None:
        return value
    return [] if is_array(value) else 50


def _neutral_string(name: str, value: str) -> str:
    if name in STATE_MEMBERS:
        return neutral_word(value)
    if name == "code":
        return neutral_code(value)
    return TIME if "time" in name else MESSAGE if name == "message" else "x"


def neutral_word(word: str) -> str:
    """Return a status word itself if the rules know it, else `Working`."""
    return word if word.strip().lower() in TERMINAL.keys() | RUNNING else "Working"


def neutral_code(code: str) -> str:
    """Return an error code of the same form: empty, a number, with blanks around it, within it, or a word."""
    if not code.strip():
        return code
    word = "400" if code.strip().isdecimal() else "Widget Refused" if " " in code.strip() else "WidgetRefused"
    return code.replace(code.strip(), word)


def neutral_text(text: str) -> str:
    """Return a short body of the same kind: empty, HTML, XML or plain text."""
    start = text.lstrip("\ufeff \r\n\t")
    if not start.startswith("<"):
        return "x" if start else text
    return "<html><body>x</body></html>" if "<html" in text.lower() else "<x>x</x>"


def _position(index: int | None, kept: list[int]) -> int | None:
    """Return the new index of an answer. The first of equal answers stays."""
    return index if not index else sum(each < index for each in kept)
