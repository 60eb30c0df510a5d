"""The meaning of an answer, and the next request: pure functions without I/O, a clock or randomness.

Modules with named tuples do not import `annotations` from `__future__`: a NamedTuple would compile each annotation when
it is imported.
"""
