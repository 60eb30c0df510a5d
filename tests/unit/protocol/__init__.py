"""Unit tests of the protocol core: rows of answers in, states out."""
