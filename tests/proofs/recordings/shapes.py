"""The shapes of recorded operations, derived from recordings and kept in `shapes.json`: one script in each line."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.proofs.recordings.answer_meaning import (
    TERMINAL,
    is_operation_document,
    members_of,
    provisioning_state,
    running_words,
    status_word,
)
from tests.proofs.recordings.neutral_script import WIDGET, neutral_script
from tests.proofs.recordings.operation_script import Reply, Script, Step
from tests.proofs.recordings.second_reading import read_session

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.proofs.recordings.recorded_session import Session

FILE = Path(__file__).with_name("shapes.json")
PLACES = ("monitor", "location", "created")


class Shapes(NamedTuple):
    """Scripts that belong to no recording, and the recorded status words of running operations."""

    scripts: list[Script]
    words: list[str]


def load_shapes() -> Shapes:
    """Return the content of the file."""
    data = json.loads(FILE.read_text(encoding="utf-8"))
    return Shapes([_script(each) for each in data["shapes"]], data["words"])


def dump_shapes(shapes: Shapes) -> None:
    """Write the file."""
    lines = ",\n".join(json.dumps(_data(script), separators=(",", ":")) for script in shapes.scripts)
    FILE.write_text(f'{{"words": {json.dumps(shapes.words)},\n"shapes": [\n{lines}\n]}}\n', encoding="utf-8")


def derive_shapes(sessions: Iterable[Session]) -> Shapes:
    """Return the shapes of recorded operations.

    Each form of an initial response and each course of polls is in at least one script, in the shortest that has it.
    """
    scripts = [read_session(session) for session in sessions]
    words = {word for script in scripts for reply in script.replies for word in running_words(reply)}
    seen: set[object] = set()
    chosen: list[Script] = []
    for script in sorted(map(neutral_script, scripts), key=_by_length):
        forms = {initial_form(script), course_of(script)}
        if not forms <= seen:
            seen |= forms
            chosen.append(script)
    return Shapes(_named(chosen), sorted(words))


def _named(scripts: list[Script]) -> list[Script]:
    """Return the scripts in the order of their names: place, method, end and a number."""
    counts: Counter[str] = Counter()
    named: list[Script] = []
    for script in sorted(scripts, key=lambda script: (_stem(script), *_by_length(script))):
        stem = _stem(script)
        counts[stem] += 1
        named.append(script._replace(name=f"{stem}-{counts[stem]}"))
    return named


def initial_form(script: Script) -> object:
    """Return the method, the code, the polling headers with their URLs, and the kind of body."""
    initial = script.initial
    headers = sorted((name, value) for name, value in initial.headers.items() if name != "retry-after")
    return script.method, initial.status, tuple(headers), _body_form(initial)


def course_of(script: Script) -> object:
    """Return the end, and the place, code, header names and kind of body of each different answer."""
    return script.end, tuple(dict.fromkeys(_answer_form(step) for step in script.steps))


def _answer_form(step: Step) -> object:
    place, reply = _place(step.url), step.reply
    if reply.status >= 400 and place != "location":
        return place, reply.status
    is_document = place == "location" and is_operation_document(reply)
    return place, reply.status, tuple(sorted(reply.headers)), _body_form(reply), is_document


def _body_form(reply: Reply) -> object:
    if not reply.body:
        return "empty"
    if not members_of(reply):
        return "HTML" if "<" in reply.body else "no object"
    word = status_word(reply)
    state = None if word is None else TERMINAL.get(word, "running")
    return state, provisioning_state(reply), bool(members_of(reply).get("error"))


def _place(url: str) -> str:
    return next((place for place in PLACES if f"/{place}/" in url), "resource")


def _stem(script: Script) -> str:
    polled = _place(script.steps[0].url) if script.steps else "unpolled"
    return f"{polled}-{script.method}-{script.end}".lower()


def _by_length(script: Script) -> tuple[int, str]:
    text = json.dumps(_data(script))
    return len(text), text


def _data(script: Script) -> dict[str, object]:
    known = script._asdict() | {"initial": _reply_data(script.initial)}
    known["steps"] = [[step.url, *_reply_data(step.reply)] for step in script.steps]
    return {name: value for name, value in known.items() if name != "url" and value not in (None, (), "")}


def _reply_data(reply: Reply) -> list[object]:
    """Return status, headers, the value of a body, and a body that is not JSON; the last ones only if present."""
    head: list[object] = [reply.status, dict(reply.headers)]
    if not reply.body:
        return head
    document = reply.document()
    return [*head, None, reply.body] if document == reply.body else [*head, document]


def _reply(status: int, headers: dict[str, str], *body: Any) -> Reply:
    text = body[-1] if len(body) == 2 else "".join(map(json.dumps, body))
    return Reply(status, headers, text)


def _script(data: dict[str, Any]) -> Script:
    return Script(
        name=data["name"],
        method=data["method"],
        url=WIDGET,
        initial=_reply(*data["initial"]),
        steps=tuple(Step(url, _reply(*reply)) for url, *reply in data["steps"]),
        end=data["end"],
        result=data.get("result"),
        final_get=data.get("final_get"),
        foreign=tuple(data.get("foreign", ())),
        code=data.get("code"),
    )
