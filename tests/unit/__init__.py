"""Unit tests, one package for each layer of azpoll."""
