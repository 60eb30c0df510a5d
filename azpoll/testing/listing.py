"""The list of a deployment's operations: what one read tells of every resource beneath it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from azpoll.testing.steps import Reply

if TYPE_CHECKING:
    from collections.abc import Iterable

    from azpoll.testing.exchange import IncomingRequest
    from azpoll.testing.operation import FakeOperation

PAGE = 100
"""Operations on one page."""

_LIST = re.compile(
    r"(?P<scope>/.*)/providers/Microsoft\.Resources/deployments/(?P<name>[^/]+)/operations", re.IGNORECASE
)


def deployment_operations(request: IncomingRequest, operations: Iterable[FakeOperation], now_s: float) -> Reply | None:
    """Return a page of the list that a GET asks for; None when it asks for something else.

    A deployment holds the operations on resources below its own scope whose names begin with its name and a
    hyphen: that of `.../deployments/blue/operations` lists `.../widgets/blue-1`.

    Source: learn.microsoft.com/rest/api/resources/deployment-operations/list.
    """
    asked = _LIST.fullmatch(request.path)
    if request.method != "GET" or asked is None:
        return None
    scope, name = asked["scope"].lower(), asked["name"].lower()
    mine = [o for o in operations if o.path.lower().startswith(scope) and _leaf(o).startswith(f"{name}-")]
    query = request.url.partition("?")[2]
    skip = int(parse_qs(query).get("$skiptoken", ["0"])[0])
    body: dict[str, object] = {"value": [_entry(operation, now_s) for operation in mine[skip : skip + PAGE]]}
    if len(mine) > skip + PAGE:
        rest = "&".join(part for part in query.split("&") if part and not part.startswith("$skiptoken="))
        url = request.url.partition("?")[0]
        body["nextLink"] = f"{url}?{rest}{'&' if rest else ''}$skiptoken={skip + PAGE}"
    return Reply(200, body)


def _leaf(operation: FakeOperation) -> str:
    return operation.path.rpartition("/")[2].lower()


def _entry(operation: FakeOperation, now_s: float) -> dict[str, object]:
    state = operation.status(now_s)
    target = {"id": operation.path, "resourceName": operation.path.rpartition("/")[2]}
    return {"operationId": operation.id, "properties": {"provisioningState": state, "targetResource": target}}
