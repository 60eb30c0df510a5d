"""Tests of the `azpoll` command; the modules import their fixtures' types from `conftest`."""
