"""Tests of `azpoll.fleet` against a real PostgreSQL server."""
