"""Fixtures of all tests of examples."""

from __future__ import annotations

import logging
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from azpoll.telemetry import LOGGERS, RedactingFilter

if TYPE_CHECKING:
    from collections.abc import Iterator

# The check of the examples' types needs pyright, which is part of the extra `dev` and not of `test`.
collect_ignore = [] if find_spec("pyright") else ["test_typed_examples.py"]


@pytest.fixture(autouse=True)
def logs_as_before() -> Iterator[None]:
    """Remove the filters that an example adds to the loggers of the HTTP libraries."""
    yield
    for logger in map(logging.getLogger, LOGGERS):
        for each in tuple(logger.filters):
            if isinstance(each, RedactingFilter):
                logger.removeFilter(each)
