"""Mutations of JSON documents: members removed, doubled, renamed and replaced by hostile values."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from azpoll.protocol.json_body import is_list, is_object
from tests.proofs.fuzz.byte_mutation import one_of

if TYPE_CHECKING:
    from random import Random

NAMES = (
    *("status", "Status", "STATUS", "properties", "provisioningState", "error", "Error", "code", "message", "details"),
    *("innererror", "additionalInfo", "target", "percentComplete", "resourceLocation", "startTime", "endTime", "id"),
    *("name", "value", "odata.error", "statusMessage", "error_description", "results", "kind", "", "\0", "__proto__"),
)
_DEEP: object = json.loads("[" * 100 + "]" * 100)
_NESTED: object = json.loads('{"error":' * 60 + "1" + "}" * 60)
_WITHIN = json.dumps({"error": {"code": "Inner", "message": json.dumps({"error": {"message": "innermost"}})}})
_SCALARS: tuple[object, ...] = (
    *(
        None,
        True,
        False,
        0,
        -0.0,
        1,
        50,
        100,
        101,
        -1,
        0.5,
        1e15,
        1e308,
        float("inf"),
        float("nan"),
        10**300,
    ),
    *(
        "Succeeded",
        "succeeded",
        " Failed ",
        "Canceled",
        "Cancelled",
        "Running",
        "Completed",
        "Failed\0",
        "",
        " ",
        "\u0130",
    ),
    *(
        "https://evil.example/r",
        "/r",
        "https://management.azure.com/r",
        "//h@evil",
        "\x1b[2J",
        "a\r\nb",
        "\u2028",
        "\u202e",
    ),
    *("\ud800", "\udfff\ud83d", "x" * 600, "{", "[1", "{}", "[]", "null", _WITHIN, "{0}%s%n"),
)
_CONTAINERS: list[object] = json.loads(
    '[[], {}, [[]], {"value": "v"}, {"code": "C", "message": "M", "details": [{"code": "D"}]}]'
)
VALUES: tuple[object, ...] = (*_SCALARS, *_CONTAINERS)
LARGE: tuple[object, ...] = (
    *(
        _DEEP,
        _NESTED,
        [{"code": "A", "message": "B"}] * 300,
        {str(n): n for n in range(300)},
        "x" * 3000,
        "\u202e" * 600,
    ),
    *([_WITHIN] * 30, json.dumps([_WITHIN] * 30), [[[_WITHIN]]] * 30),
)
LARGE_ONE_IN = 100


def mutate_json(rng: Random, value: object) -> object:
    """Return a copy of a JSON value after one change."""
    roll = rng.random()
    if roll < 0.1:
        return one_of(rng, VALUES if roll < 0.1 - 1 / LARGE_ONE_IN else LARGE)
    if is_object(value) and value:
        return _mutate_object(rng, dict(value), roll)
    if is_list(value) and value:
        items = list(value)
        place = int(rng.random() * len(items))
        items[place : place + 1] = [mutate_json(rng, items[place])] * (1 if roll < 0.9 else 2)
        return items
    if roll < 0.3:
        return {one_of(rng, NAMES): value}
    if roll < 0.4:
        return [value]
    if roll < 0.5:
        return json.dumps(value)
    return one_of(rng, VALUES)


def _mutate_object(rng: Random, members: dict[str, object], roll: float) -> object:
    name = one_of(rng, tuple(members))
    if roll < 0.2:
        members[one_of(rng, NAMES)] = one_of(rng, VALUES)
    elif roll < 0.3:
        members[one_of(rng, NAMES)] = members.pop(name)
    elif roll < 0.35:
        del members[name]
    elif roll < 0.4:
        members[name.upper() if roll < 0.375 else name.capitalize()] = members[name]
    elif roll < 0.45:
        return {one_of(rng, NAMES): members}
    elif roll < 0.5:
        members[name] = json.dumps(members[name])
    else:
        members[name] = mutate_json(rng, members[name])
    return members


ENCODINGS = ("utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32")


def encode_json(rng: Random, value: object) -> bytes:
    """Return a value as JSON bytes, with or without escapes, blanks and a BOM, in a random encoding."""
    roll = rng.random()
    text = json.dumps(value, ensure_ascii=roll < 0.8, indent=1 if roll > 0.95 else None)
    return text.encode("utf-8" if roll < 0.9 else one_of(rng, ENCODINGS), "surrogatepass")
