"""The claims challenge of a 401: continuous access evaluation asks for a token with more claims."""

from __future__ import annotations

import base64
import binascii
import json
import re

MAX_CLAIMS = 16_384
"""Longest claims accepted, in characters of base64."""

_BEARER = re.compile(r"(?:^|,)\s*Bearer\s", re.IGNORECASE)
_PARAMETER = re.compile(r"""([\w-]+)\s*=\s*(?:"([^"]*)"|([^\s,"]+))""")


def claims_in(challenge: str) -> str | None:
    """Return the claims that a `WWW-Authenticate` header asks for, as JSON text; None if it asks for none.

    Only a challenge of the scheme `Bearer` with base64 of a JSON object counts, as Entra ID defines it.
    """
    if _BEARER.search(challenge) is None:
        return None
    parameters = {name.lower(): quoted or plain for name, quoted, plain in _PARAMETER.findall(challenge)}
    encoded = parameters.get("claims", "")
    if not 0 < len(encoded) <= MAX_CLAIMS:
        return None
    encoded = encoded.replace("+", "-").replace("/", "_").rstrip("=")
    try:
        text = base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True).decode()
        claims: object = json.loads(text)
    except (binascii.Error, ValueError, RecursionError):  # the first two are of no base64, no UTF-8 and no JSON
        return None
    return text if isinstance(claims, dict) else None
