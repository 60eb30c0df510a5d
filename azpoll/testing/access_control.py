"""`Door`: what ARM checks before it looks at a request: the token, and the read, write and delete budgets."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from azpoll.testing.fake_operation import subscription_of
from azpoll.testing.rate_limits import KIND_OF_METHOD, Limits, TokenBucket
from azpoll.testing.steps import Reply

if TYPE_CHECKING:
    from azpoll.testing.exchange import IncomingRequest

_CHALLENGE = (
    'Bearer authorization_uri="https://login.microsoftonline.com/common", '
    'error="invalid_token", error_description="The access token has expired or is not accepted."'
)


class Door:
    """Tokens that are let in, and a bucket for each (subscription, principal, kind of request)."""

    def __init__(self, limits: Limits | None) -> None:
        self._limits = limits
        self._buckets: dict[tuple[str, str, str], TokenBucket] = {}
        self._principals: dict[str, str] = {}

    def require_token(self, token: str, principal: str) -> None:
        """Let in this bearer token too; from now on nothing without one."""
        self._principals[f"Bearer {token}"] = principal

    def rotate_token(self, token: str, principal: str) -> None:
        """Let in this bearer token in place of the principal's earlier ones."""
        self._principals = {old: whose for old, whose in self._principals.items() if whose != principal}
        self.require_token(token, principal)

    def refuse(self, request: IncomingRequest, now_s: float) -> tuple[Reply | None, dict[str, str]]:
        """Return a 401 or 429, or None to let it in, and the headers any answer to it carries."""
        authorization = request.headers.get("authorization", "")
        if self._principals and authorization not in self._principals:
            error = {"code": "InvalidAuthenticationToken", "message": "The access token is invalid."}
            return Reply(401, {"error": error}, {"WWW-Authenticate": _CHALLENGE}), {}
        if self._limits is None:
            return None, {}
        kind = KIND_OF_METHOD.get(request.method, "writes")
        rate = self._limits.rate(kind)
        if rate is None:
            return None, {}
        subscription = subscription_of(request.path).lower()
        key = (subscription, self._principals.get(authorization, authorization), kind)
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = TokenBucket(rate, now_s)
        wait_s = bucket.take(now_s)
        scope = "subscription" if subscription else "tenant"
        told = {f"x-ms-ratelimit-remaining-{scope}-{kind}": str(bucket.remaining)}
        return (_too_many(wait_s, self._limits) if wait_s else None), told


def _too_many(wait_s: float, limits: Limits) -> Reply:
    error = {"code": "TooManyRequests", "message": "The request limit was reached. Retry after the time told."}
    retry_after = math.ceil(wait_s) if limits.retry_after_s is None else limits.retry_after_s
    return Reply(429, {"error": error}, retry_after=retry_after)
