"""Tests of `azpoll.hints`."""
