"""Child processes that can be stopped. A background job of a shell ignores Ctrl-C, and so do its children."""

from __future__ import annotations

import sys

_PROGRAM = """\
import runpy, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
for name in ("SIGTERM", "SIGHUP", "SIGPIPE"):
    if hasattr(signal, name):
        signal.signal(getattr(signal, name), signal.SIG_IGN if name == "SIGPIPE" else signal.SIG_DFL)
runpy.run_module(sys.argv.pop(1), run_name="__main__", alter_sys=True)
"""


def command_of(module: str, *options: str) -> list[str]:
    """Return the command that runs a module with Python's own signal handlers.

    Args:
        module: the name of the module, as after `python -m`.
        options: of the interpreter.
    """
    return [sys.executable, *options, "-c", _PROGRAM, module]
