"""Unit tests of the transport over httpx and httpx2."""
