"""The meaning of an answer, and the next request: pure functions without I/O, a clock or randomness."""
