"""`AccessControl`: the checks that ARM makes before it handles a request: bearer token, then rate limit."""

from __future__ import annotations

import base64
import math
from typing import TYPE_CHECKING

from azpoll.testing.fake_operation import subscription_of
from azpoll.testing.rate_limits import Limits, TokenBucket, request_kind
from azpoll.testing.steps import Reply

if TYPE_CHECKING:
    from azpoll.testing.exchange import IncomingRequest

_CHALLENGE = (
    'Bearer authorization_uri="https://login.microsoftonline.com/common", '
    'error="invalid_token", error_description="The access token has expired or is not accepted."'
)


class AccessControl:
    """Accepted bearer tokens, and one token bucket per (subscription, principal, kind of request)."""

    def __init__(self, limits: Limits | None) -> None:
        self._limits = limits
        self._buckets: dict[tuple[str, str, str], TokenBucket] = {}
        self._principals: dict[str, str] = {}
        self._challenge = _CHALLENGE

    def require_token(self, token: str, principal: str) -> None:
        """Accept this bearer token too, and reject every request without an accepted one from now on."""
        self._principals[f"Bearer {token}"] = principal

    def rotate_token(self, token: str, principal: str, claims: str | None = None) -> None:
        """Accept this bearer token in place of the principal's earlier ones. A 401 asks for the claims, if given."""
        self._challenge = _CHALLENGE if claims is None else _claims_challenge(claims)
        self._principals = {header: owner for header, owner in self._principals.items() if owner != principal}
        self.require_token(token, principal)

    def check(self, request: IncomingRequest, now_s: float) -> tuple[Reply | None, dict[str, str]]:
        """Return the rejection (401 or 429), or None to accept the request, and the headers that any answer carries."""
        authorization = request.headers.get("authorization", "")
        if self._principals and authorization not in self._principals:
            error = {"code": "InvalidAuthenticationToken", "message": "The access token is invalid."}
            return Reply(401, {"error": error}, {"WWW-Authenticate": self._challenge}), {}
        if self._limits is None:
            return None, {}
        kind = request_kind(request.method)
        rate = self._limits.rate(kind)
        if rate is None:
            return None, {}
        subscription = subscription_of(request.path).lower()
        key = (subscription, self._principals.get(authorization, authorization), kind)
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = TokenBucket(rate, now_s)
        wait_s = bucket.consume(now_s)
        scope = "subscription" if subscription else "tenant"
        headers = {f"x-ms-ratelimit-remaining-{scope}-{kind}": str(bucket.remaining)}
        return (_too_many_requests(wait_s, self._limits) if wait_s else None), headers


def _claims_challenge(claims: str) -> str:
    encoded = base64.b64encode(claims.encode()).decode("ascii")
    return (
        'Bearer authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", '
        f'error="insufficient_claims", claims="{encoded}"'
    )


def _too_many_requests(wait_s: float, limits: Limits) -> Reply:
    error = {
        "code": "TooManyRequests",
        "message": "The request limit was reached. Wait for the time in Retry-After.",
    }
    retry_after = math.ceil(wait_s) if limits.retry_after_s is None else limits.retry_after_s
    return Reply(429, {"error": error}, retry_after=retry_after)
