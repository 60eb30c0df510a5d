"""Goal R5: whatever a service sends or a token holds gives a value or a documented exception, soon.

An input is bytes, always: so one minimiser, one replay and one coverage-guided fuzzer serve all kinds.
"""
