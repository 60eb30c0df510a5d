"""The completion times of recorded operations: package data, read at the first use.

`durations.json` has a row for each type of resource, each provider and each method, and one for everything else. Its
source and its form are described in docs/durations.md.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import TypeAlias, cast

from azpoll.schedule.polling_schedule import SHARES, Quantiles

_Row: TypeAlias = list[float]
_Rows: TypeAlias = Mapping[str, _Row]


def recorded_quantiles(kind: str) -> Quantiles:
    """Return the quantiles for a kind of `operation_kind`: of its type, else its provider, its method, or all."""
    method, path, action = (*kind.split(" ", 2), "", "")[:3]
    provider, _, types = path.partition("/")
    by_type, by_provider, by_method, of_all = _table()
    row = (
        by_type.get(provider, {}).get(types, {}).get(f"{method} {action}".rstrip())
        or by_provider.get(provider, {}).get(method)
        or by_method.get(method)
        or of_all
    )
    p10, p25, p50, p75, p90 = row[-len(SHARES) :]
    return p10, p25, p50, p75, p90


@cache
def _table() -> tuple[Mapping[str, Mapping[str, _Rows]], Mapping[str, _Rows], _Rows, _Row]:
    from importlib.resources import files  # noqa: PLC0415 - slow to import, and not needed before the first poll

    text = files("azpoll.schedule").joinpath("durations.json").read_text(encoding="utf-8")
    table = cast("dict[str, object]", json.loads(text))  # its form is tested
    return (
        cast("Mapping[str, Mapping[str, _Rows]]", table["types"]),
        cast("Mapping[str, _Rows]", table["providers"]),
        cast("_Rows", table["methods"]),
        cast("_Row", table["all"]),
    )
