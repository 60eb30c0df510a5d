"""The check of the examples' types needs pyright, which is part of the extra `dev` and not of `test`."""

from importlib.util import find_spec

collect_ignore = [] if find_spec("pyright") else ["test_typed_examples.py"]
