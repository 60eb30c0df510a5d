"""R5: every input of a service or a token gives a value or a documented exception within 50 ms.

Every input is bytes, so one minimiser, one replay and one coverage-guided fuzzer serve all kinds.
"""
