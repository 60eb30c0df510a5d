"""Parametrizations that many tests share."""

from __future__ import annotations

import pytest

from tests.support.clients import LIBRARIES

EACH_LIBRARY = pytest.mark.parametrize("library", LIBRARIES)
