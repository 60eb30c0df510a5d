"""All cases, in the order of the page."""

from __future__ import annotations

from . import manners, trust, verdicts

CASES = (
    verdicts.FALSE_FAILURE,
    trust.FOREIGN_HOST,
    trust.TOKENS,
    verdicts.FALSE_SUCCESS,
    verdicts.NO_STATUS_DOCUMENT,
    verdicts.ENDLESS_WORDS,
    verdicts.UNKNOWN_WORD,
    verdicts.SERVER_ERRORS,
    verdicts.ERROR_IN_A_200,
    verdicts.NO_CONTENT,
    trust.RESUMED_FAILURE,
    verdicts.CANCELED_BY_OTHERS,
    verdicts.NULLS,
    verdicts.RESOURCE_AS_STATUS,
    manners.STRANGE_RETRY_AFTER,
    manners.FIRST_POLL,
    manners.MANY_AWAITERS,
    manners.ONE_LEAVES,
    manners.ASKS_WHILE_THROTTLED,
    manners.REWRITTEN_URL,
    manners.EXPIRING_TOKENS,
    manners.FLEET,
)
