"""Unit tests of `azpoll.testing`."""
